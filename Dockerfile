# The Explorer for a classroom: an ordinary user, nothing written but to /tmp.
#   docker build -t attention-explorer .
#   docker run --read-only --tmpfs /tmp -p 8501:8501 attention-explorer
FROM python:3.11-slim

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY core ./core
COPY explorer ./explorer
COPY checkpoints ./checkpoints

# caches of results go to /tmp with everything else that is written
ENV HOME=/tmp XDG_CACHE_HOME=/tmp/cache PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
USER 10001:10001
EXPOSE 8501
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=3)"]
CMD ["streamlit", "run", "explorer/app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]
