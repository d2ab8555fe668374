"""Servers end when they are told, say when their port is taken, and share their folders in peace."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urlparse

import pytest
from websockets.exceptions import ConnectionClosed

from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.helpers import soon_s
from tests.e2e.conftest import ROOT, Server, start_server
from tests.e2e.reader import Reader

pytestmark = pytest.mark.e2e

MOST_S = soon_s(3.0)
LONG = {"text": "A man is riding a bicycle down the long street. " * 40, "beam_size": "16"}
COMMANDS = {
    "streamlit": (str(Path(sys.executable).with_name("streamlit")), "run", "explorer/app.py"),
    "attention-explorer": (sys.executable, "-c", "from explorer.command import main; main()"),
}
Started = tuple["subprocess.Popen[bytes]", Server]


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Started]:
    process, server = start_server(folder / "log", options=options)
    try:
        yield process, server
    finally:
        process.kill()
        process.wait()


def expect_end(process: "subprocess.Popen[bytes]", server: Server, number: int) -> None:
    asked_s = time.monotonic()
    process.send_signal(number)
    assert process.wait(10 * MOST_S) == 0, server.log.read_text()
    assert time.monotonic() - asked_s < MOST_S
    said = server.log.read_text()
    assert not server.outside
    assert "Traceback" not in said
    assert "terminate" not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_ends_when_it_is_told(tmp_path: Path, number: int) -> None:
    with running(tmp_path) as (process, server):
        with Reader(server.url, {"text": SENTENCE}) as reader:
            reader.open()
        expect_end(process, server, number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_ends_though_it_computes(tmp_path: Path, number: int) -> None:
    """A beam of 16 over 400 words takes half a minute."""

    def visit() -> None:
        with contextlib.suppress(ConnectionClosed), Reader(server.url, LONG) as reader:
            reader.open()
            answered.append(True)

    answered: list[bool] = []
    with running(tmp_path) as (process, server):
        with Reader(server.url, {"text": SENTENCE}) as reader:
            reader.open()  # the model is loaded
        visitor = Thread(target=visit)
        visitor.start()
        time.sleep(2)
        expect_end(process, server, number)
        visitor.join()
        assert not answered


def test_a_server_that_listens_to_others_is_seen(tmp_path: Path) -> None:
    """So it is the watch, and not its blindness, that finds nothing elsewhere."""
    with running(tmp_path, "--server.address", "0.0.0.0") as (_, server):
        assert "socket.bind 0.0.0.0" in server.outside


@pytest.mark.parametrize("command", COMMANDS)
def test_a_port_in_use_is_told_in_one_line(server: Server, command: str) -> None:
    port = str(urlparse(server.url).port)
    options = ["--server.headless", "true", "--server.port", port]
    done = subprocess.run(
        [*COMMANDS[command], *options],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).strip().splitlines()
    assert line.endswith(f"Port {port} is not available")


class Reading(Reader):
    """A reader who remembers the numbers of all pictures."""

    def open(self, *of: object) -> None:
        self.pictures: list[str] = []
        super().open()

    def take(self, element: object) -> None:
        super().take(element)  # type: ignore[arg-type]
        if element.WhichOneof("type") == "plotly_chart":  # type: ignore[attr-defined]
            self.pictures.append(element.plotly_chart.spec)  # type: ignore[attr-defined]


def test_two_servers_share_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same work at the same time, on one folder of checkpoints and one cache."""
    folder, cache = tmp_path / "checkpoints", tmp_path / "cache"
    write_checkpoint(folder / "tiny", metrics={"languages": ["English", "German"]})
    monkeypatch.setenv("ATTENTION_EXPLORER_CACHE", str(cache))
    options = ("--", "--checkpoints", str(folder))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with running(tmp_path / "one", *options) as one, running(tmp_path / "two", *options) as two:

        def visit(server: Server) -> list[list[str]]:
            found = []
            for page in ("heads", "ablate"):
                with Reading(server.url, {"text": SENTENCE, "model": "tiny"}, page) as reader:
                    reader.open()
                    found.append(reader.pictures)
            return found

        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(visit, (one[1], two[1]))
        assert any(first)
        assert first == second
        for process, server in (one, two):
            expect_end(process, server, signal.SIGTERM)
    assert list(cache.rglob("*.npz"))
    assert not list(tmp_path.rglob("*.partial-*"))
