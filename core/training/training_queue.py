"""Many trainings, each a task with a run folder and a log of its own.

A training that dies costs what it did since it last saved; the others go on.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.system.executor import ProcessDiedError, WorkExecutor, logged

SHOW_EVERY_S = 300.0
Futures = Mapping[str, Future[None]]


@dataclass(frozen=True, slots=True)
class QueuedTraining:
    """A function of a module that trains, or resumes, and its arguments."""

    log: Path
    """The file for what it prints."""
    function: Callable[..., None]
    arguments: tuple[Any, ...]


def run_queue(
    trainings: Mapping[str, QueuedTraining],
    executor: WorkExecutor,
    *,
    what: str = "training(s)",
    show: Callable[[Futures], None],
) -> None:
    """Run all trainings, as many at a time as the executor has workers.

    Args:
        executor: one whose tasks run apart from this process.
        what: they are, for the error.
        show: called as they finish, and from time to time.

    Raises:
        ValueError: if some did not finish; the message names their logs.
    """
    futures = {
        name: executor.submit(logged, each.log, each.function, *each.arguments)
        for name, each in trainings.items()
    }
    open_ = set(futures.values())
    while open_:
        show(futures)
        _, open_ = wait(open_, SHOW_EVERY_S, FIRST_COMPLETED)
    if futures:
        show(futures)
    failed = {name: future.exception() for name, future in futures.items() if future.exception()}
    if failed:
        logs = ", ".join(str(trainings[name].log) for name in failed)
        died = [name for name, error in failed.items() if isinstance(error, ProcessDiedError)]
        killed = f" (killed from outside: {', '.join(died)})" if died else ""
        raise ValueError(
            f"{len(failed)} {what} did not finish{killed}: their last lines, in {logs}, say why; run the same "
            "command again to continue them"
        )


def running_and_waiting(futures: Futures, executor: WorkExecutor) -> tuple[list[str], list[str]]:
    """The names of the trainings at work, and of those not begun; they are begun in their order."""
    open_ = [name for name, future in futures.items() if not future.done()]
    return open_[: executor.n_workers], open_[executor.n_workers :]
