"""Run tasks here, or in processes of this machine, behind the interface of `concurrent.futures`.

`core.system.dask_executor` runs them on other machines. What many tasks read is shared once, with
`share`, and not sent with each of them.

A killed program leaves no process behind: every process holds the reading end of a pipe, and ends
when the program, which holds the other end, is gone. So work that resumes can be started again at
once. Code that takes an `Executor` works with any other kind of executor as well.
"""

import itertools
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

Result = TypeVar("Result")
Given = TypeVar("Given")
PARTS_AHEAD = 64
"""Parts that are under way or wait, beyond the one whose result is asked for."""
SPAWN = multiprocessing.get_context("spawn")


@runtime_checkable
class WorkExecutor(Protocol):
    """What runs tasks: in this process, in others, or on other machines."""

    def submit(
        self, function: Callable[..., Result], /, *arguments: Any, **named: Any
    ) -> Future[Result]:
        """Run a function of a module, not a local one; its arguments are sent to where it runs."""

    def share(self, value: Given) -> Given:
        """Something to give to tasks in place of the value, which then reaches a worker once.

        It is an argument of its own: inside another value no worker finds it.
        """

    @property
    def n_workers(self) -> int:
        """How many tasks run at a time."""

    def elsewhere(
        self, function: Callable[..., Result], /, *arguments: Any
    ) -> Mapping[str, Result]:
        """What a function returns on each worker of another machine, by the worker's name.

        Empty if all tasks run on this machine.
        """


def in_order(
    executor: WorkExecutor,
    function: Callable[..., Result],
    shared: Sequence[Any],
    parts: Iterable[Any],
) -> Iterator[Result]:
    """Yield `function(*shared, part)` for each part, in order; some parts ahead are under way.

    Args:
        shared: what `executor.share` gave.
        parts: read as far ahead only, so that they may come from a pipe.
    """
    waiting: deque[Future[Result]] = deque()
    for part in parts:
        waiting.append(executor.submit(function, *shared, part))
        if len(waiting) > PARTS_AHEAD or isinstance(executor, HereExecutor):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class HereExecutor:
    """Runs each task in this process, when its result is asked for."""

    def submit(
        self, function: Callable[..., Result], /, *arguments: Any, **named: Any
    ) -> Future[Result]:
        return _Later(partial(function, *arguments, **named))

    def share(self, value: Given) -> Given:
        return value

    @property
    def n_workers(self) -> int:
        return 1

    def elsewhere(
        self, function: Callable[..., Result], /, *arguments: Any
    ) -> Mapping[str, Result]:
        return {}


class _Later(Future[Result]):
    """A future that computes its result when it is asked for; an error ends it."""

    def __init__(self, compute: Callable[[], Result]) -> None:
        super().__init__()
        self._compute = compute

    def result(self, timeout: float | None = None) -> Result:
        if not self.done():
            self.set_result(self._compute())
        return super().result()


class LocalExecutor(ThreadPoolExecutor):
    """A pool of processes, each served by its own thread; a process that dies fails only
    its own task."""

    def __init__(
        self, n_workers: int, lifeline: Connection, environment: Mapping[str, str]
    ) -> None:
        super().__init__(n_workers, initializer=_keep_interrupts_away)
        self.n_workers = n_workers
        self._n_shared = itertools.count()
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
            self._process.pool, self._process.sent = self._new_process(), set()
        places: dict[int | str, Any] = dict(enumerate(arguments))
        places.update(named)
        shared = {place: value for place, value in places.items() if isinstance(value, _Shared)}
        bare = [None if index in shared else value for index, value in enumerate(arguments)]
        bare_named = {name: None if name in shared else value for name, value in named.items()}
        try:
            for value in shared.values():
                if value.number not in self._process.sent:
                    self._process.pool.submit(_keep, value.number, value.value).result()
                    self._process.sent.add(value.number)
            numbers = {place: value.number for place, value in shared.items()}
            return self._process.pool.submit(_call, function, numbers, bare, bare_named).result()  # type: ignore[no-any-return]
        except BrokenProcessPool:
            del self._process.pool
            raise ProcessDiedError(
                "its process was killed; run the same command again to continue"
            ) from None

    def share(self, value: Given) -> Given:
        return _Shared(next(self._n_shared), value)  # type: ignore[return-value]

    def elsewhere(
        self, function: Callable[..., Result], /, *arguments: Any
    ) -> Mapping[str, Result]:
        return {}


class _Shared:
    """A value that is sent to each process once, and its number after that."""

    def __init__(self, number: int, value: Any) -> None:
        self.number, self.value = number, value


_KEPT: dict[int, Any] = {}
"""In a process: what was sent to it, by number."""


def _keep(number: int, value: Any) -> None:
    _KEPT[number] = value


def _call(
    function: Callable[..., Result],
    numbers: Mapping[int | str, int],
    arguments: Sequence[Any],
    named: Mapping[str, Any],
) -> Result:
    """In a process: put what was shared in its places, and run the task."""
    given, by_name = list(arguments), dict(named)
    for place, number in numbers.items():
        if isinstance(place, int):
            given[place] = _KEPT[number]
        else:
            by_name[place] = _KEPT[number]
    return function(*given, **by_name)


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
        environment: variables that every process sets before its first task, and so before it imports torch.
    """
    _start_tracker()
    lifeline, held_open = SPAWN.Pipe(duplex=False)
    executor = LocalExecutor(n_workers, lifeline, dict(environment or {}))
    try:
        yield executor
        executor.shutdown()
    finally:
        held_open.close()
        executor.shutdown(cancel_futures=True)
        lifeline.close()


@contextmanager
def work_executor(
    n_jobs: int, scheduler: str | None = None, *, is_apart: bool = False
) -> Iterator[WorkExecutor]:
    """One process, several, or the workers of a dask scheduler.

    A task in another process has one thread.

    Args:
        is_apart: a single job runs in a process of its own too, so that it can be waited for and can
            die alone.

    Raises:
        ValueError: as `require_jobs` does, or if the scheduler cannot be used.
    """
    require_jobs(n_jobs, scheduler)
    if scheduler:
        from core.system.dask_executor import dask_executor

        with dask_executor(scheduler) as far:
            yield far
    elif n_jobs == 1 and not is_apart:
        yield HereExecutor()
    else:
        with local_executor(n_jobs, {"OMP_NUM_THREADS": "1"}) as near:
            yield near


def require_jobs(n_jobs: int, scheduler: str | None) -> None:
    """Raises ValueError if there is no such number of jobs, or both kinds of workers are asked for."""
    if n_jobs < 1:
        raise ValueError(f"jobs={n_jobs} must be at least 1: it is the number of processes")
    if scheduler and n_jobs > 1:
        raise ValueError(
            f"jobs={n_jobs} starts processes on this machine, and --scheduler has workers of its own; give only one of the two"
        )


def _keep_interrupts_away() -> None:
    """In a thread that starts a process: Ctrl-C, which reaches both, is the program's to answer."""
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _start_tracker() -> None:
    """Start Python's process that removes what a killed program leaves behind.

    Else the first process of the pool starts it, and unblocks signals in doing so. What it removes it
    also lists, after the one line that a stopped command ends with: that is switched off.
    """
    if not hasattr(signal, "pthread_sigmask"):
        return
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [before, "ignore:resource_tracker"]))
    try:
        resource_tracker.ensure_running()
    finally:
        del os.environ["PYTHONWARNINGS"]
        if before is not None:
            os.environ["PYTHONWARNINGS"] = before


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
