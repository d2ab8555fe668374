"""Ctrl-C and SIGTERM end a command within three seconds, in one line, whatever it is doing."""

import atexit
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 1.5
"""So long a command may take to leave its blocks; then it ends where it is."""


class StoppedError(KeyboardInterrupt):
    """The program was asked to end. Nothing but the end of the program may catch it."""


@contextmanager
def stoppable(line: str, *, is_last: bool = False) -> Iterator[None]:
    """Let a signal end the program with one line and status 128 + its number, as shells do.

    The blocks that are open are left, so that half-written files are removed. If that takes too
    long, as inside a library that does not return, the program ends without it. What it has written
    before is whole either way: files get their names when they are complete.

    Outside of the main thread, which alone is told of signals, nothing changes.

    Args:
        line: what is said on standard error.
        is_last: nothing but Python's own end comes after this block, which would answer a signal
            with a traceback: the signal itself then ends the program.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if not told:
            told.append(number)
            raise StoppedError

    def end(number: int) -> NoReturn:
        """At once: Python would take a second or two to take torch apart."""
        print(f"\n{line}", file=sys.stderr, flush=True)
        os._exit(128 + number)

    with _watched(end), _handled(stop, is_last=is_last):
        try:
            yield
        except KeyboardInterrupt:
            if told:
                atexit._run_exitfuncs()  # of processes and threads that it started
                end(told[0])
            print(f"\n{line}", file=sys.stderr)
            sys.exit(128 + signal.SIGINT)


@contextmanager
def _handled(stop: Callable[[int, FrameType | None], None], *, is_last: bool) -> Iterator[None]:
    """What is raised in the middle of a finaliser is lost there, silently; the watch still ends it.

    A signal that whoever started the program has it ignore, as shells do with Ctrl-C for a command in
    the background, stays ignored.
    """
    asked = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in asked}
    unraisable = sys.unraisablehook

    def say(what: "sys.UnraisableHookArgs") -> None:
        if not isinstance(what.exc_value, StoppedError):
            unraisable(what)

    sys.unraisablehook = say
    try:
        yield
    finally:
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if is_last else handler)


@contextmanager
def _watched(end: Callable[[int], NoReturn]) -> Iterator[None]:
    """A thread that a signal wakes even while the main thread does not come back to Python."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    is_over = threading.Event()

    def watch() -> None:
        while (number := reading.recv(1)) and number[0] not in SIGNALS:
            pass
        if number and not is_over.wait(PATIENCE_S):
            end(number[0])

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        is_over.set()
        signal.set_wakeup_fd(before)
        writing.close()
        watching.join()
        reading.close()
