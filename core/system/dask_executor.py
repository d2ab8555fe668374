"""Run tasks on the workers of a dask scheduler, behind the interface of `concurrent.futures`.

Every worker must have this very code and the same versions of the packages: results are then those of
one process, bit by bit, however many workers there are. A worker that dies costs its task, which
another one takes over.
"""

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from distributed import Client

Result = TypeVar("Result")
Given = TypeVar("Given")
Description = tuple[str, dict[str, str]]
"""A hash of the code of `core`, and the versions of packages."""

EXTRA = "pip install -r requirements-cluster.txt"
PATIENCE_S = 20
WATCH_EVERY_S = 1.0
SAME = ("torch", "sentencepiece", "sacrebleu", "numpy")
"""Packages whose versions results depend on."""


class DaskExecutor:
    """Tasks of `core` on the workers of a scheduler."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)  # type: ignore[no-untyped-call]

    def submit(
        self, function: Callable[..., Result], /, *arguments: Any, **named: Any
    ) -> Future[Result]:
        return self._executor.submit(_on_worker, _described(), function, *arguments, **named)  # type: ignore[no-any-return]

    def share(self, value: Given) -> Given:
        """The value, sent to every worker now."""
        return self._client.scatter(value, broadcast=True, hash=False)  # type: ignore[no-any-return, no-untyped-call]

    @property
    def n_workers(self) -> int:
        return len(_threads(self._client))

    def elsewhere(
        self, function: Callable[..., Result], /, *arguments: Any
    ) -> Mapping[str, Result]:
        found: Mapping[str, Result] = self._client.run(function, *arguments)
        return found


@contextmanager
def dask_executor(address: str) -> Iterator[DaskExecutor]:
    """Connect to a scheduler, such as tcp://10.0.0.5:8786, and check its workers.

    Raises:
        ValueError: if dask is not installed, nothing answers, there is no worker, or a worker has other
            code or packages; the message says which.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ValueError(f"--scheduler needs dask: {EXTRA}") from None
    try:
        client = Client(address, timeout=PATIENCE_S)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise ValueError(
            f"no dask scheduler answers at {address!r} ({error}); start one with `dask scheduler`, and workers with "
            f"`dask worker {address}`"
        ) from None
    with client:
        _check(client, address)
        yield DaskExecutor(client)


def _check(client: "Client", address: str) -> None:
    """Raises ValueError if there is no worker, or one cannot do what this process would."""
    threads = _threads(client)
    if not threads:
        raise ValueError(f"{address} has no workers; start some with `dask worker {address}`")
    several = [worker for worker, n in sorted(threads.items()) if n > 1]
    if several:
        raise ValueError(
            f"the worker {several[0]} runs {threads[several[0]]} tasks at a time, and tasks of one process share "
            "random numbers; start it with --nthreads 1, and --nworkers for more"
        )
    found = client.run(_described, on_error="return")
    for worker, description in sorted(found.items()):
        if isinstance(description, BaseException):
            raise ValueError(
                f"the worker {worker} cannot load this project ({description}); install the same commit there"
            )
        require_same(worker, description, _described())


def _threads(client: "Client") -> dict[str, int]:
    """Worker -> how many tasks it runs at a time."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return {name: worker["nthreads"] for name, worker in workers.items()}


def require_same(worker: str, theirs: Description, ours: Description) -> None:
    """Raises ValueError if a worker has other code or packages than we have."""
    if theirs[0] != ours[0]:
        raise ValueError(
            f"the worker {worker} runs other code of this project ({theirs[0][:8]}, here {ours[0][:8]}); install the "
            "same commit there"
        )
    other = [
        f"{name} {theirs[1][name]}, here {ours[1][name]}"
        for name in SAME
        if theirs[1][name] != ours[1][name]
    ]
    if other:
        raise ValueError(
            f"the worker {worker} has other packages ({'; '.join(other)}); install the same requirements there"
        )


@lru_cache(maxsize=1)
def _described() -> Description:
    """What this process runs: read once, since code that changes later is not loaded any more."""
    root = Path(__file__).parents[1]
    code = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        code.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return code.hexdigest(), {name: version(name) for name in SAME}


def _on_worker(
    ours: Description, function: Callable[..., Result], *arguments: Any, **named: Any
) -> Result:
    """On a worker: run a task in one thread, as sums may depend on how many threads share them.

    Raises:
        ValueError: if the worker came after the check, and is not like us.
    """
    import torch

    require_same(socket.gethostname(), _described(), ours)
    torch.set_num_threads(1)
    with _ending_with_its_command():
        return function(*arguments, **named)


@contextmanager
def _ending_with_its_command() -> Iterator[None]:
    """End this worker if its task is not wanted any more, as after Ctrl-C: a training takes hours.

    Its nanny starts it again. A worker without a nanny finishes the task.
    """
    from distributed import get_worker

    worker, is_done = get_worker(), threading.Event()
    task = worker.state.tasks[worker.get_current_task()]

    def watch() -> None:
        while not is_done.wait(WATCH_EVERY_S):
            if task.state == "cancelled":
                os._exit(1)

    if worker.nanny:
        threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        is_done.set()
