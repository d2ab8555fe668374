"""Run tasks in processes of this machine, behind the interface of `concurrent.futures`.

A killed program leaves no process behind: every process holds the reading end of a pipe, and ends
when the program, which holds the other end, is gone. So work that resumes can be started again at
once. Code that takes an `Executor` works with any other kind of executor as well.
"""

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")
SPAWN = multiprocessing.get_context("spawn")


class LocalExecutor(ThreadPoolExecutor):
    """A pool of processes, each served by its own thread; a process that dies fails its task
    alone."""

    def __init__(
        self, n_workers: int, lifeline: Connection, environment: Mapping[str, str]
    ) -> None:
        super().__init__(n_workers)
        self._process = threading.local()
        self._new_process = partial(
            ProcessPoolExecutor,
            1,
            mp_context=SPAWN,
            initializer=_begin,
            initargs=(lifeline, environment),
        )

    def submit(
        self, function: Callable[..., Result], /, *arguments: Any, **named: Any
    ) -> Future[Result]:
        return super().submit(self._run, function, *arguments, **named)

    def _run(self, function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """In the thread of a process: send it a task and wait for the result."""
        if not hasattr(self._process, "pool"):
            self._process.pool = self._new_process()
        try:
            return self._process.pool.submit(function, *arguments, **named).result()  # type: ignore[no-any-return]
        except BrokenProcessPool:
            del self._process.pool
            raise ProcessDiedError(
                "its process was killed; run the same command again to continue"
            ) from None


class ProcessDiedError(RuntimeError):
    """The process that worked on a task ended before it was done."""


@contextmanager
def local_executor(
    n_workers: int, environment: Mapping[str, str] | None = None
) -> Iterator[LocalExecutor]:
    """An executor of `n_workers` processes, which end when this process ends for any reason.

    If an exception such as Ctrl-C leaves the block, running tasks are stopped; otherwise the block
    waits for them.

    Args:
        environment: variables that every process sets before it imports this project.
    """
    lifeline, held_open = SPAWN.Pipe(duplex=False)
    executor = LocalExecutor(n_workers, lifeline, dict(environment or {}))
    try:
        yield executor
        executor.shutdown()
    finally:
        held_open.close()
        executor.shutdown(cancel_futures=True)
        lifeline.close()


def _begin(lifeline: Connection, environment: Mapping[str, str]) -> None:
    """In a new process: take the environment, and end at once when the program ends."""
    os.environ.update(environment)

    def watch() -> None:
        lifeline.poll(None)  # nothing is ever sent: it returns when the other end closes
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def logged(log: Path, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function; append what it prints, and its traceback if it fails, to a file."""
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
