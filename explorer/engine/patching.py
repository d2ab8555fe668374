"""What carries the difference between the sentence on screen and another one."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.analysis.trace.trace import Trace
from core.config import Kind
from explorer.choice.choice import Run
from explorer.engine.folder_version import folder_version
from explorer.engine.models import checkpoint, run_under_ablation
from explorer.engine.result_cache import MemoryCache
from explorer.engine.work import forced

if TYPE_CHECKING:
    from core.analysis.patching.patch import Patching
    from core.model import Transformer

MOST_PARTS = 2_500
"""Heads and positions of a pair that is patched: each is one run of the model."""
MOST_BYTES = 20_000_000
"""Memory for the patchings of all visitors together."""


def patched(folder: Path, run: Run, other: Run, shown: Trace, second: Trace) -> "Patching":
    """Put every part of the second run into the first; loads the model.

    Args:
        other: what the second trace is of.

    Raises:
        ValueError: if the two cannot be compared, or are too long; the message says why.
    """
    from core.analysis.patching.patch import patching

    sizes: dict[Kind, int] = {"encoder": len(shown.source.pieces), "decoder": len(shown.steps)}
    n_heads = sum(weights.shape[0] * weights.shape[1] for weights in shown.weights.values())
    n_parts = n_heads + sum((len(shown.weights[kind]) + 1) * n for kind, n in sizes.items())
    if n_parts > MOST_PARTS:
        raise ValueError(
            f"the sentences are too long to be compared here: {n_parts:,} runs of the model, and "
            f"{MOST_PARTS:,} is the most; give shorter ones"
        )

    def make(model: "Transformer", shown: Trace) -> "Patching":
        return patching(model, shown, second)

    key = (folder_version(folder), run.replace(model=None), other.replace(model=None))
    # a run begins at the changed layer
    return _results().get(
        key, lambda: run_under_ablation(folder, run, make, shown), forced(shown, n_parts // 3)
    )


def piece_name(folder: Path, token: int) -> str:
    """What a token of the target vocabulary is called."""
    return checkpoint(folder).vocabulary.target.names[token]


@st.cache_resource(show_spinner=False)
def _results() -> MemoryCache:
    return MemoryCache(MOST_BYTES)
