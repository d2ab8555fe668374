"""What was measured of the snapshots of a training."""

from pathlib import Path

import streamlit as st

from core.analysis.learning.results import LEARNING, Learning, read_learning
from explorer.engine.folder_version import FolderVersion, folder_version
from explorer.engine.measured import other_weights


def learning_of(folder: Path) -> Learning | str | None:
    """What `python -m core learning` measured; None if nothing, or what is wrong with the file."""
    found = _stored(folder_version(folder, (LEARNING,)))
    if isinstance(found, Learning):
        problem = other_weights(folder, LEARNING, found.weights_hash, "learning")
        return f"{problem}." if problem else found
    return found


@st.cache_data(max_entries=64, show_spinner=False)
def _stored(folder_version: FolderVersion) -> Learning | str | None:
    try:
        return read_learning(Path(folder_version[0]))
    except ValueError as error:
        return f"{error}."
