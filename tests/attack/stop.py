"""Commands asked to end at any moment: within three seconds, in one line, with nothing half done.

As a terminal does, Ctrl-C reaches a command and all processes that it started; SIGTERM reaches the
command alone, which has to end the others.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.attack import disk, kill
from tests.attack.findings import Findings
from tests.attack.kill import Case

MOST_S = 3.0
LONGEST_S = 12.0
"""The latest moment of a command whose own length is not known."""


def cases() -> dict[str, Case]:
    """The long commands, with two processes where they can, and one of each other kind."""
    short = {
        name: Case((*words, "--output", f"{{}}/{output}"), ())
        for name, (words, output) in disk.commands(Path("{}")).items()
        if "--huggingface" not in words
    }
    with_jobs = {
        name: Case((*kill.CASES[name].words, "--jobs", "2"), ()) for name in ("sweep", "prune")
    }
    return {
        **short,
        **kill.CASES,
        **{f"{name}, two jobs": case for name, case in with_jobs.items()},
    }


def stops(n: int, seed: int, most_s: float = MOST_S) -> Findings:
    """Stop all commands in turn, `n` times together.

    Args:
        most_s: how long the end may take; longer where other work has the processor.
    """
    choose, found = random.Random(seed), Findings("stops")
    found.figures["ended after, s"] = 0.0
    every = list(cases().items())
    choose.shuffle(every)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        kill.prepare(root / "texts")
        disk.prepare(root / "texts")
        while found.n < n:
            name, case = every[found.n % len(every)]
            found.n += 1
            shutil.copytree(root / "texts", root / "own")
            with found.catching(name):
                _stop(root / "own", name, case, choose, found, most_s)
            shutil.rmtree(root / "own")
    return found


def _stop(
    folder: Path, name: str, case: Case, choose: random.Random, found: Findings, most_s: float
) -> None:
    number = choose.choice((signal.SIGINT, signal.SIGTERM))
    after_s = choose.uniform(0.3, LONGEST_S)
    what = f"{name}, {number.name} after {after_s:.1f} s"
    process = kill.started(folder, case)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=after_s)
        return  # it had ended before
    asked_s = time.monotonic()
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    try:
        _, said = process.communicate(timeout=10 * most_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        found.expect(False, what, "does not end")
        return
    elapsed_s = time.monotonic() - asked_s
    found.figures["ended after, s"] = max(found.figures["ended after, s"], round(elapsed_s, 1))
    found.expect(elapsed_s < most_s, what, f"ended after {elapsed_s:.1f} s")
    _expect_nothing_left(folder, what, process.pid, found)
    if case.n_processes == 1:  # torchrun has words of its own for a signal
        _expect_one_line(what, process.returncode, said, number, found)


def _expect_one_line(
    what: str, status: int, said: str, number: signal.Signals, found: Findings
) -> None:
    """The signal itself ends a command that has not begun, or has done all."""
    found.expect(status in (0, -number, 128 + number), what, f"status {status}")
    found.expect("Traceback" not in said, what, f"says {said[-300:]!r}")
    if status == 128 + number:
        found.expect(": stopped" in said.splitlines()[-1], what, f"ends in {said[-100:]!r}")


def _expect_nothing_left(folder: Path, what: str, pid: int, found: Findings) -> None:
    until_s = time.monotonic() + MOST_S
    while _is_any_left(pid) and time.monotonic() < until_s:
        time.sleep(0.05)
    found.expect(not _is_any_left(pid), what, "a process that it started runs on")
    left = [file.name for file in folder.rglob("*") if ".partial" in file.name]
    found.expect(not left, what, f"left lying: {left[:3]}")


def _is_any_left(pid: int) -> bool:
    """Whether a process of this session still runs."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True
