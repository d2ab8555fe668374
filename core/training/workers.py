"""The processes that train one model together, started by torchrun."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True, slots=True)
class Workers:
    """This process among those that train one model (torchrun sets the environment)."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Return when every worker has come here."""
        if self.world_size > 1:
            distributed.barrier()

    def sum(self, *values: float) -> list[float]:
        """Each number, summed over all workers."""
        if self.world_size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        if distributed.get_backend() == "nccl":
            total = total.to(torch.device("cuda", self.local_rank))
        distributed.all_reduce(total)
        return total.tolist()


ALONE = Workers()


@contextlib.contextmanager
def workers() -> Iterator[Workers]:
    """Join the processes that torchrun started, or work alone; leave the group at the end."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield Workers()
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Workers(
            rank=int(os.environ["RANK"]),
            world_size=world_size,
            local_rank=int(os.environ.get("LOCAL_RANK", "0")),
        )
    finally:
        distributed.destroy_process_group()
