"""The processes that train one model together, started by torchrun."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from core.system.device import choose_device

CPU = torch.device("cpu")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Workers:
    """This process among those that train one model (torchrun sets the environment)."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = CPU
    """Where this worker trains."""

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @property
    def _meeting(self) -> torch.device:
        """Where tensors lie that are exchanged: NCCL takes the GPU's, gloo the CPU's."""
        return self.device if self.device.type == "cuda" else CPU

    def wait(self) -> None:
        """Return when every worker has come here."""
        if self.world_size > 1:
            distributed.barrier()

    def sum(self, *values: float) -> list[float]:
        """Each number, summed over all workers."""
        if self.world_size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self._meeting)
        distributed.all_reduce(total)
        return total.tolist()

    def from_first(self, value: Value) -> Value:
        """Send a value of the first worker to every worker: plain values, and tensors on the CPU.

        The other workers' own value is ignored, so they need not read it from a disk that may
        differ.
        """
        if self.world_size == 1:
            return value
        shared = [value if self.is_first else None]
        distributed.broadcast_object_list(shared, device=self._meeting)
        return shared[0]  # type: ignore[return-value]


ALONE = Workers()

LONGEST_WAIT = timedelta(days=1)
"""The longest wait for a worker that prepares the texts; torch's defaults are 10 minutes (NCCL) and 30 (gloo)."""
LAUNCHER_ANSWERS = timedelta(seconds=6)
"""The longest wait for torchrun, which is there before it starts its workers."""
OTHERS_START = timedelta(minutes=10)
"""The longest wait for the first worker, if the workers meet at it and not at torchrun."""


@contextlib.contextmanager
def workers(device: str = "cpu") -> Iterator[Workers]:
    """Join the processes that torchrun started, or work alone; leave the group if all went well.

    Args:
        device: as for `choose_device`; with several GPUs, each worker has its own.

    Raises:
        ValueError: if the device is not available, or torchrun is gone before the workers have met.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    mine = choose_device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world_size == 1:
        yield Workers(device=mine)
        return
    if mine.type == "cuda":
        torch.cuda.set_device(mine)  # before the first exchange, else all meet on the first GPU
    rank = _meet("nccl" if mine.type == "cuda" else "gloo")
    yield Workers(rank=rank, world_size=world_size, device=mine)
    distributed.destroy_process_group()  # after an error, NCCL's would wait for the others


def _meet(backend: str) -> int:
    """Join the other workers; this worker's rank.

    Torch uses one time limit for this and for every later wait; here finding each other, which takes
    seconds, has a limit of its own.
    """
    is_at_torchrun = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    limit = LAUNCHER_ANSWERS if is_at_torchrun else OTHERS_START
    try:
        store, rank, world_size = next(rendezvous("env://", timeout=limit))
    except distributed.DistError as error:
        where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        raise ValueError(
            f"no answer from {where}, where the workers meet, within {limit.total_seconds():.0f} s; "
            "start all workers again with the same command"
        ) from error
    store.set_timeout(LONGEST_WAIT)
    distributed.init_process_group(
        backend, store=store, rank=rank, world_size=world_size, timeout=LONGEST_WAIT
    )
    return int(rank)
