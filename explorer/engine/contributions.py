"""How much each token contributes to a translation on screen, and what is usual for the model."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.analysis.contributions.results import CONTRIBUTIONS, SourceShares, read_source_shares
from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine.folder_version import FolderVersion, folder_version
from explorer.engine.measured import other_weights
from explorer.engine.models import checkpoint
from explorer.engine.result_cache import MemoryCache
from explorer.engine.work import forced, n_pieces

if TYPE_CHECKING:
    from core.analysis.contributions.rollout import Contributions

PIECES_A_RUN = 8
"""So many output vectors are split in the time of one run of the model."""
MOST_BYTES = 100_000_000
"""Memory for the contributions of all visitors together; a sentence of 20 pieces has 50,000."""


def contributions(folder: Path, run: Run, shown: Trace) -> "Contributions":
    """The contributions in the trace of a run of the unchanged model; loads the model.

    Raises:
        ValueError: if the run changes the model, whose parts then no longer add up.
    """
    from core.analysis.contributions.rollout import contributions as found

    if run.ablation:
        raise ValueError("contributions are those of the unchanged model")
    return _results().get(
        (folder_version(folder), run.replace(model=None)),
        lambda: found(checkpoint(folder).model, shown),
        forced(shown, n_pieces(shown) // PIECES_A_RUN),
    )


@st.cache_resource(show_spinner=False)
def _results() -> MemoryCache:
    return MemoryCache(MOST_BYTES)


def usual_shares(folder: Path) -> SourceShares | None:
    """What `python -m core contributions` measured of a model; None if nothing, or nothing readable."""
    found = _checked(folder)
    return None if isinstance(found, str) else found


def shares_problem(folder: Path) -> str | None:
    """What is wrong with the stored measurement."""
    found = _checked(folder)
    return found if isinstance(found, str) else None


def _checked(folder: Path) -> SourceShares | str | None:
    found = _usual(folder_version(folder, (CONTRIBUTIONS,)))
    if isinstance(found, SourceShares):
        return other_weights(folder, CONTRIBUTIONS, found.weights_hash, "contributions") or found
    return found


@st.cache_resource(max_entries=64, show_spinner=False)
def _usual(folder_version: FolderVersion) -> SourceShares | str | None:
    try:
        return read_source_shares(Path(folder_version[0]))
    except ValueError as error:
        return f"{error}"
