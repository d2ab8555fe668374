"""Whether what is stored beside a model was measured of its present weights."""

from pathlib import Path

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


@st.cache_data(max_entries=64, show_spinner=False)
def hash_of(folder_version: FolderVersion) -> str:
    """The hash of a model's weights; loads the model."""
    from core.checkpoint.weights import weights_hash

    return weights_hash(checkpoint(Path(folder_version[0])).model)
