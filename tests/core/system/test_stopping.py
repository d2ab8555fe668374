"""Signals end a program soon: in one line, its blocks left, even where Python does not come to run."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.system.executor import local_executor
from core.system.stopping import PATIENCE_S, SIGNALS, stoppable
from tests.core.helpers import ENVIRONMENT, ROOT, soon_s

MOST_S = soon_s(PATIENCE_S + 1.5)
PROGRAM = """
import hashlib, pathlib, signal, sys, time
from core.system.stopping import stoppable
signal.signal(signal.SIGINT, signal.{interrupts})
left = pathlib.Path(sys.argv[1])

class Slow:
    def __del__(self):
        time.sleep(60)

def stuck():
    hashlib.pbkdf2_hmac("sha256", b"", b"", 500_000_000)

with stoppable("program: stopped", is_last=True):
    try:
        print("ready", flush=True)
        {work}
    finally:
        {leave}
{after}
"""
WORK = "time.sleep(60)"
LEAVE = "left.write_text('left')"


def program(
    tmp_path: Path,
    work: str = WORK,
    leave: str = LEAVE,
    after: str = "",
    interrupts: str = "default_int_handler",
) -> "subprocess.Popen[str]":
    """A program that has begun; a shell script has what it starts in the background ignore Ctrl-C."""
    text = PROGRAM.format(work=work, leave=leave, after=after, interrupts=interrupts)
    process = subprocess.Popen(
        [sys.executable, "-c", text, str(tmp_path / "left")],
        env=ENVIRONMENT, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_leaves_every_block_and_says_one_line(tmp_path: Path, number: int) -> None:
    process = program(tmp_path)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (128 + number, "\nprogram: stopped\n")
    assert (tmp_path / "left").read_text() == "left"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_library_that_does_not_return_is_left_where_it_is(tmp_path: Path, number: int) -> None:
    process = program(tmp_path, "stuck()")
    time.sleep(0.3)  # until it is inside
    asked_s = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - asked_s < MOST_S
    assert (process.returncode, said) == (128 + number, "\nprogram: stopped\n")
    assert not (tmp_path / "left").exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_is_lost_in_a_finaliser_ends_the_program_too(
    tmp_path: Path, number: int
) -> None:
    process = program(tmp_path, "slow = Slow(); del slow; time.sleep(60)")
    time.sleep(0.3)  # until it is inside
    asked_s = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - asked_s < MOST_S
    assert (process.returncode, said) == (128 + number, "\nprogram: stopped\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_what_the_program_registered_for_its_end_is_run(tmp_path: Path, number: int) -> None:
    work = f"import atexit; atexit.register(lambda: left.write_text('at exit')); {WORK}"
    process = program(tmp_path, work, leave="pass")
    time.sleep(0.3)  # until it is inside
    process.send_signal(number)
    assert process.communicate(timeout=30)[1] == "\nprogram: stopped\n"
    assert (tmp_path / "left").read_text() == "at exit"


def test_a_second_signal_does_not_disturb_who_leaves(tmp_path: Path) -> None:
    process = program(tmp_path, leave=f"print('leaving', flush=True); time.sleep(0.5); {LEAVE}")
    process.send_signal(signal.SIGINT)
    assert process.stdout
    assert process.stdout.readline() == "leaving\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "\nprogram: stopped\n")
    assert (tmp_path / "left").read_text() == "left"


@pytest.mark.parametrize("number", SIGNALS)
def test_after_the_last_block_the_signal_itself_ends_the_program(
    tmp_path: Path, number: int
) -> None:
    """Python takes a second to take torch apart, and would say where it was."""
    process = program(tmp_path, "pass", after="print('after', flush=True); time.sleep(60)")
    assert process.stdout
    assert process.stdout.readline() == "after\n"
    process.send_signal(number)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == -number


def test_without_a_signal_nothing_changes(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with stoppable("never"):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
    process = program(tmp_path, "sys.exit(7)")
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 7


def blocked() -> set[int]:
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def test_processes_of_a_command_leave_ctrl_c_to_it() -> None:
    with local_executor(1) as executor:
        assert signal.SIGINT in executor.submit(blocked).result()
    assert signal.SIGINT not in blocked()


def test_an_interrupt_that_the_shell_has_it_ignore_is_ignored(tmp_path: Path) -> None:
    process = program(tmp_path, interrupts="SIG_IGN")
    process.send_signal(signal.SIGINT)
    time.sleep(PATIENCE_S + 0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (128 + signal.SIGTERM, "\nprogram: stopped\n")
