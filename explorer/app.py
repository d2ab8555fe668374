"""`streamlit run explorer/app.py`: the frame of every page."""

import sys
from pathlib import Path

# `streamlit run` puts only this file's folder on the import path
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

import streamlit as st  # noqa: E402

st.set_page_config(page_title="Attention Explorer", page_icon="🔎", layout="wide")
st.html("<style>.stMainBlockContainer {padding-top: 2.5rem}</style>")
st.navigation(
    [st.Page("app_pages/translate.py", title="Translate", icon="🔎", default=True)],
    position="hidden",
).run()
