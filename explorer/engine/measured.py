"""What is stored beside a model: read once, and whether it was measured of its present weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import streamlit as st

from explorer.engine.folder_version import FolderVersion, folder_version
from explorer.engine.models import checkpoint
from explorer.engine.result_cache import MemoryCache

MOST_BYTES = 50_000_000
"""Memory for what was made of the files of all models."""

Made = TypeVar("Made")


def kept(
    folder: Path, files: tuple[str, ...], make: Callable[[Path], Made], n_tokens: int = 0
) -> Made:
    """What a function makes of files beside a model; it is made again when one of them changes.

    All visitors share it, so nobody may change it.

    Args:
        make: a function of a module, which is known by its name.
        n_tokens: the work of making it; see `at_its_turn`.

    Raises:
        ValueError: as `make` does.
    """
    key = (folder_version(folder, files), make.__module__, make.__qualname__)
    return _made().get(key, lambda: make(folder), n_tokens)


@st.cache_resource(show_spinner=False)
def _made() -> MemoryCache:
    return MemoryCache(MOST_BYTES)


def other_weights(folder: Path, file: str, measured: str, command: str) -> str | None:
    """A sentence if a file was measured of other weights; None if it fits. Loads the model.

    Args:
        measured: the hash of the weights, as the file has it.
        command: what measures again.
    """
    if measured == hash_of(folder_version(folder)):
        return None
    return (
        f"{folder / file} was measured of other weights than these, so it is left out; measure again with "
        f"`python -m core {command}`"
    )


Measured = TypeVar("Measured", bound="OfWeights")


class OfWeights(Protocol):
    """What was measured of some weights."""

    @property
    def weights_hash(self) -> str: ...


def measured_of(
    folder: Path, file: str, read: Callable[[Path], Measured | None], command: str
) -> Measured | str | None:
    """What a command stored beside a model; None if nothing, or a sentence on what is wrong with it.

    Args:
        file: its name.
        read: reads it from the folder, or raises ValueError.
    """
    try:
        found = kept(folder, (file,), read)
    except ValueError as error:
        return f"{error}."
    if found is None:
        return None
    problem = other_weights(folder, file, found.weights_hash, command)
    return f"{problem}." if problem else found


@st.cache_resource(max_entries=64, show_spinner=False)
def hash_of(folder_version: FolderVersion) -> str:
    """The hash of a model's weights; loads the model."""
    from core.checkpoint.weights import weights_hash

    return weights_hash(checkpoint(Path(folder_version[0])).model)
