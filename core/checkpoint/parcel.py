"""A checkpoint for tasks: where it is, or as bytes to be sent to another process or machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import WeakKeyDictionary

import torch

from core.checkpoint.folder import Checkpoint, load_checkpoint, save_checkpoint
from core.checkpoint.weights import weights_hash
from core.system.executor import HereExecutor, WorkExecutor


@dataclass(frozen=True, slots=True)
class Parcel:
    """The files of a checkpoint folder, weights in full precision."""

    files: Mapping[str, bytes]
    weights_hash: str

    def __hash__(self) -> int:
        return hash(self.weights_hash)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "Parcel":
        """Raises ValueError if the model is in another precision than float32, as files are read."""
        dtype = next(checkpoint.model.parameters()).dtype
        if dtype != torch.float32:
            raise ValueError(f"a model in {dtype} cannot be sent to other processes; use float32")
        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / "checkpoint"
            save_checkpoint(checkpoint, folder)
            files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        return cls(files, weights_hash(checkpoint.model))

    def opened(self) -> Checkpoint:
        """The checkpoint; a process opens it once.

        Raises:
            ValueError: if the weights are not those that were packed.
        """
        return _opened(self)


@dataclass(frozen=True, slots=True)
class Here:
    """A checkpoint that is used where it is."""

    checkpoint: Checkpoint

    def opened(self) -> Checkpoint:
        return self.checkpoint


def for_tasks(checkpoint: Checkpoint, executor: WorkExecutor) -> Here | Parcel:
    """The checkpoint as tasks of this executor take it: sent to a worker once, however often it is asked
    for.

    Raises:
        ValueError: as `Parcel.of` does.
    """
    if isinstance(executor, HereExecutor):
        return Here(checkpoint)
    shared = _SHARED.setdefault(executor, {})
    if id(checkpoint) not in shared:
        shared[id(checkpoint)] = checkpoint, executor.share(Parcel.of(checkpoint))
    return shared[id(checkpoint)][1]


_SHARED: WeakKeyDictionary[WorkExecutor, dict[int, tuple[Checkpoint, Parcel]]] = WeakKeyDictionary()
"""Executor -> what it has shared, by the checkpoint's id; the checkpoint is held so that the id stays
its own."""


@lru_cache(maxsize=2)
def _opened(parcel: Parcel) -> Checkpoint:
    with TemporaryDirectory() as temporary:
        for name, content in parcel.files.items():
            (Path(temporary) / name).write_bytes(content)
        checkpoint = load_checkpoint(temporary)
    found = weights_hash(checkpoint.model)
    if found != parcel.weights_hash:
        raise ValueError(f"weights {found} arrived in place of {parcel.weights_hash}")
    return checkpoint
