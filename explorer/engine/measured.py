"""Whether what is stored beside a model was measured of its present weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import streamlit as st

from explorer.engine.folder_version import FolderVersion, folder_version
from explorer.engine.models import checkpoint


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
    found: Measured | str | None = _stored(folder_version(folder, (file,)), read)
    if found is None or isinstance(found, str):
        return found
    problem = other_weights(folder, file, found.weights_hash, command)
    return f"{problem}." if problem else found


@st.cache_data(max_entries=256, show_spinner=False)
def _stored(folder_version: FolderVersion, _read: Callable[[Path], Any]) -> Any:
    """The file's name is part of the version."""
    try:
        return _read(Path(folder_version[0]))
    except ValueError as error:
        return f"{error}."


@st.cache_data(max_entries=64, show_spinner=False)
def hash_of(folder_version: FolderVersion) -> str:
    """The hash of a model's weights; loads the model."""
    from core.checkpoint.weights import weights_hash

    return weights_hash(checkpoint(Path(folder_version[0])).model)
