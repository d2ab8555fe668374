"""Models by their name, fetched from a server of this test in Hugging Face's place."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

from core.checkpoint.hub import is_hub_name, name_of
from core.checkpoint.listing import list_checkpoints
from tests.core.checkpoint.test_marian import settings, write_marian
from tests.core.text.test_marian import files, missing, models, names

__all__ = ["files", "missing", "models", "names"]

RESOLVE = """
import sys
from core.checkpoint.bundled import resolve
try:
    print(resolve(sys.argv[1]))
except ValueError as error:
    sys.exit(f"{error}")
"""
"""What every command does first with the name of a checkpoint; no torch is needed for it."""
NAME, OTHER, COMMIT = "Helsinki-NLP/opus-mt-xx", "someone/bart", "c" * 40


class Hub(http.server.BaseHTTPRequestHandler):
    """Two repositories: a Marian model and another; the rest is not found."""

    repositories: dict[str, dict[str, bytes]]
    asked: list[str]

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, *, with_body):
        self.asked.append(self.path)
        path = self.path.partition("?")[0].removeprefix("/")
        if path.startswith("api/models/"):
            found = self.repositories.get("/".join(path.split("/")[2:4]))
            content = found and json.dumps(self.tree(path, found)).encode()
        else:
            owner, name, _, _, *rest = path.split("/")
            content = self.repositories.get(f"{owner}/{name}", {}).get("/".join(rest))
        self.send_response(200 if content else 404)
        if not content:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(content or b"").hexdigest()}"')
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if with_body:
            self.wfile.write(content or b"")

    @staticmethod
    def tree(path, found):
        if "/tree/" in path:
            return [
                {"type": "file", "path": name, "size": len(content),
                 "oid": hashlib.sha1(content).hexdigest()}
                for name, content in found.items()
            ]  # fmt: skip
        named = [{"rfilename": name} for name in found]
        return {"id": path, "sha": COMMIT, "siblings": named, "private": False, "tags": []}


@pytest.fixture
def hub(files, names, tmp_path):
    write_marian(tmp_path / "there", files, settings(len(names)))
    files_there = {file.name: file.read_bytes() for file in (tmp_path / "there").iterdir()}
    tokenizer = json.dumps({"source_lang": "en", "target_lang": "de"}).encode()
    Hub.repositories = {
        NAME: {**files_there, "tokenizer_config.json": tokenizer, "tf_model.h5": b"not fetched"},
        OTHER: {"config.json": b'{"model_type": "bart"}'},
    }
    Hub.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def core(hub, tmp_path):
    def run(*arguments, **changes):
        own = {
            "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_address[1]}",
            "HF_HOME": str(tmp_path / "cache"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
        }
        command = ["-m", "core", *arguments] if len(arguments) > 1 else ["-c", RESOLVE, *arguments]
        return subprocess.run(
            [sys.executable, *command], capture_output=True, text=True,
            env={**os.environ, **own, **changes}, check=False, timeout=120,
        )  # fmt: skip

    return run


def test_a_model_is_fetched_once_and_then_needs_no_network(core, hub, tmp_path):
    first = core(NAME)
    assert first.returncode == 0, first.stderr
    assert not any("tf_model.h5" in path for path in Hub.asked)
    n_asked = len(Hub.asked)
    second = core(NAME, HF_HUB_OFFLINE="1")
    assert (second.returncode, second.stdout) == (0, first.stdout)
    assert len(Hub.asked) == n_asked
    folder = next((tmp_path / "cache").glob("hub/models--*/snapshots/*"))
    assert name_of(folder) == "opus-mt-xx"
    [entry] = list_checkpoints(folder)
    assert (entry.name, entry.problem) == ("opus-mt-xx", None)
    brought = core("import", "--marian", NAME, "--output", str(tmp_path / "own"))
    assert brought.returncode == 0, brought.stderr
    metrics = json.loads((tmp_path / "own" / "metrics.json").read_text())
    assert metrics["languages"] == ["English", "German"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Helsinki-NLP/none", "Hugging Face has no model of that name"),
        (OTHER, "is no Marian model"),
    ],
)
def test_another_name_is_refused_with_the_way_out(core, name, said):
    result = core(name)
    assert result.returncode == 1
    assert name in result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_without_a_network_it_says_so(core):
    result = core(NAME, HF_ENDPOINT="http://127.0.0.1:9")
    assert result.returncode == 1
    assert "Hugging Face cannot be reached" in result.stderr.splitlines()[-1]


def test_without_the_extra_it_names_it(core, tmp_path):
    (tmp_path / "hidden").mkdir()
    hides = (
        "import importlib.util as u\nreal = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'huggingface_hub' else real(name, *a)\n"
    )
    (tmp_path / "hidden" / "sitecustomize.py").write_text(hides)
    result = core(NAME, PYTHONPATH=str(tmp_path / "hidden"))
    assert result.returncode == 1
    assert "install -r requirements-hub.txt" in result.stderr


@pytest.mark.parametrize(
    ("path", "is_name"),
    [
        ("Helsinki-NLP/opus-mt-en-de", True),
        ("owner/model.v2", True),
        ("en-de", False),
        ("a/b/c", False),
        ("/owner/model", False),
        ("../model", False),
        ("tests/model", False),  # the folder is there, so it is a path
    ],
)
def test_a_name_is_two_words_the_first_of_which_is_no_folder(path, is_name):
    assert is_hub_name(path) == is_name
