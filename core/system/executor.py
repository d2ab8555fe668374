"""Work shared out to processes of this machine, behind the interface of `concurrent.futures`.

A killed program leaves nothing running behind: every process holds the reading end of a pipe whose
other end closes with the program, and ends when it does. So work that resumes can be begun again at
once. Whatever takes an `Executor` takes another kind of one as well.
"""

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


@contextmanager
def local_executor(
    n_workers: int, environment: Mapping[str, str] | None = None
) -> Iterator[ProcessPoolExecutor]:
    """An executor of so many processes, which end with this one, however it ends.

    Left by an exception (Ctrl-C among them), it ends what runs; else it waits for it.

    Args:
        environment: set in every process before it imports anything of ours.
    """
    context = multiprocessing.get_context("spawn")
    lifeline, held_open = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(
        n_workers,
        mp_context=context,
        initializer=_begin,
        initargs=(lifeline, dict(environment or {})),
    )
    try:
        yield executor
        executor.shutdown()
    finally:
        held_open.close()
        executor.shutdown(wait=False, cancel_futures=True)
        lifeline.close()


def _begin(lifeline: Connection, environment: Mapping[str, str]) -> None:
    """In a new process: take the environment, and end at once when the program ends."""
    os.environ.update(environment)

    def watch() -> None:
        lifeline.poll(None)  # nothing is ever sent: it returns when the other end closes
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def logged(log: Path, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function with all that it prints, and how it fails, appended to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file, _printing_to(file.fileno()):
        try:
            return function(*arguments)
        except BaseException:
            traceback.print_exc()
            raise


@contextmanager
def _printing_to(descriptor: int) -> Iterator[None]:
    """Standard output and error of the whole process go to a file, those of C code too."""
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        for number in kept:
            os.dup2(descriptor, number)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, before in kept.items():
            os.dup2(before, number)
            os.close(before)
