"""Run tasks on the workers of a dask scheduler, behind the interface of `concurrent.futures`.

Every worker must have this very code and the same versions of the packages: results are then those of
one process, bit by bit, however many workers there are. A worker that dies costs its task, which
another one takes over.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
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
        return self._executor.submit(_in_one_thread, function, *arguments, **named)  # type: ignore[no-any-return]

    def share(self, value: Given) -> Given:
        """The value, sent to every worker now."""
        return self._client.scatter(value, broadcast=True, hash=False)  # type: ignore[no-any-return, no-untyped-call]


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
    _compare(client.run(_described), _described(), address)


def _compare(workers: Mapping[str, Description], ours: Description, address: str) -> None:
    """Raises ValueError if there is no worker, or one is not like us."""
    if not workers:
        raise ValueError(f"{address} has no workers; start some with `dask worker {address}`")
    for worker, (code, packages) in sorted(workers.items()):
        if code != ours[0]:
            raise ValueError(
                f"the worker {worker} runs other code of this project ({code[:8]}, here {ours[0][:8]}); install the same "
                "commit there"
            )
        other = [
            f"{name} {packages[name]}, here {ours[1][name]}"
            for name in SAME
            if packages[name] != ours[1][name]
        ]
        if other:
            raise ValueError(
                f"the worker {worker} has other packages ({'; '.join(other)}); install the same requirements there"
            )


def _described() -> Description:
    root = Path(__file__).parents[1]
    code = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        code.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return code.hexdigest(), {name: version(name) for name in SAME}


def _in_one_thread(function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """On a worker: sums do not depend on how many threads share them."""
    import torch

    torch.set_num_threads(1)
    return function(*arguments, **named)
