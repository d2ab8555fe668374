"""Plant one fault after the other in a copy of the tree, and run the tests that can see it."""

import contextlib
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.mutants.changes import Mutant

ROOT = Path(__file__).parents[2]
OURS = ("core", "explorer", "tests")
HANG_S = 180
"""A test that runs longer has been hung up by the fault."""
MOST_BYTES = 6_000_000_000
"""Memory that a fault may take."""
NOT_STARTED = "pytest does not start"
"""The fault breaks what pytest reads before it runs a test, or a test that is named is not there."""
FORK = multiprocessing.get_context("fork")


@dataclass(eq=False)
class Watch:
    """A plugin of pytest: what failed first. It ends a test that hangs, and a session that takes too long."""

    limit_s: float
    failed: str = ""
    is_late: bool = False
    _started_s: float = field(default_factory=time.monotonic)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: item.get_closest_marker("slow") is not None)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        signal.signal(signal.SIGALRM, _hung_up)
        signal.alarm(HANG_S)
        result = yield
        signal.alarm(0)
        if time.monotonic() - self._started_s > self.limit_s:
            self.is_late = True
            item.session.shouldstop = "late"
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def _hung_up(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"the test takes more than {HANG_S} s")


def _run(copy: Path, words: Sequence[str], limit_s: float, answer: Connection) -> None:
    """In a process of its own: run pytest in the copy, and send what failed first."""
    os.setsid()
    _forget_ours(copy)
    _limit_memory()
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    watch = Watch(limit_s)
    options = ["-x", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning", "-m", "not e2e and not gpu", "--basetemp", str(copy.parent / "tests")]  # fmt: skip
    code = pytest.main([*options, *words], plugins=[watch])
    is_broken = code not in (0, 1, 5) and not watch.is_late
    answer.send(watch.failed or (NOT_STARTED if is_broken else ""))


def _forget_ours(copy: Path) -> None:
    """What is imported from now on is the copy's."""
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.path[:] = [str(copy), *(path for path in sys.path if path not in ("", str(ROOT)))]
    os.environ.update(HOME=str(copy.parent), TMPDIR=str(copy.parent), PYTHONPATH=str(copy))
    tempfile.tempdir = None
    os.chdir(copy)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def load_libraries() -> None:
    """Once, so that no trial has to wait for them."""
    import plotly.graph_objects
    import sacrebleu
    import sentencepiece
    import streamlit.testing.v1
    import torch
    import tyro

    assert all((plotly, sacrebleu, sentencepiece, streamlit, torch, tyro))


@contextmanager
def copied_tree() -> Iterator[Path]:
    """A copy of all files that git knows, or would take."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "tree"
        for name in listing.stdout.splitlines():
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
        yield copy


@contextmanager
def planted(copy: Path, mutant: Mutant) -> Iterator[None]:
    """A fault in the copy, and no compiled file that would hide it, or outlive it."""
    file = copy / mutant.file
    whole, times = file.read_bytes(), file.stat()
    try:
        _forget_compiled(file)
        file.write_bytes(mutant.planted_in(whole))
        yield
    finally:
        file.write_bytes(whole)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        _forget_compiled(file)


def _forget_compiled(file: Path) -> None:
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def first_failure(copy: Path, words: Sequence[str], limit_s: float) -> str:
    """The first test that fails, of those that these words of pytest name; empty if none does.

    A process that dies, or that answers to nothing, has failed too.
    """
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_run, args=(copy, words, limit_s, sender))
    process.start()
    sender.close()
    failed = "no answer"
    with contextlib.suppress(EOFError):
        if receiver.poll(limit_s + 2 * HANG_S):
            failed = receiver.recv()
        _end(process.pid)
        process.join()
        return str(failed)
    process.join()
    return "the process died"


def _end(pid: int | None) -> None:
    """The process and all that it started."""
    assert pid
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
