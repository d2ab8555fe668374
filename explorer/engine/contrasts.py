"""Why the model writes one token and not another, for the sentence on screen."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine.folder_version import folder_version
from explorer.engine.models import run_under_ablation
from explorer.engine.result_cache import MemoryCache
from explorer.engine.work import forced

if TYPE_CHECKING:
    from core.analysis.contrast.attribution import Contrast, Method
    from core.model import Transformer

MOST_TOKENS = 160
"""Of source and prefix together, of a sentence that is measured by every method."""
RUNS_OF_ALL_METHODS = 60
"""Of the model, beside one for each token that is left out."""
MOST_BYTES = 20_000_000
"""Memory for contrasts of all visitors together."""


def contrasts(
    folder: Path, run: Run, shown: Trace, *, step: int, wanted: int, other: int
) -> dict[str, "Contrast"]:
    """The difference of two logits by every method; loads the model.

    A long sentence is measured by gradient x input alone: the others run it once for every token.

    Args:
        step: from 1.

    Raises:
        ValueError: if the model writes no such token.
    """
    from core.analysis.contrast.attribution import contrast

    methods: tuple[Method, ...] = ("gradient_input",)
    if len(shown.source.pieces) + step <= MOST_TOKENS:
        methods = ("integrated_gradients", "gradient_input", "occlusion")

    def make(model: "Transformer", shown: Trace) -> dict[str, "Contrast"]:
        return {
            method: contrast(model, shown, step=step - 1, wanted=wanted, other=other, method=method)
            for method in methods
        }

    key = (folder_version(folder), run.replace(model=None), step, wanted, other)
    n_runs = 1 if len(methods) == 1 else RUNS_OF_ALL_METHODS + len(shown.source.pieces) + step
    work = forced(shown, n_runs)
    return _results().get(key, lambda: run_under_ablation(folder, run, make, shown), work)


def agreement(one: "Contrast", other: "Contrast") -> float:
    """Spearman's rank correlation of two methods."""
    from core.analysis.contrast.attribution import agreement as found

    return found(one, other)


@st.cache_resource(show_spinner=False)
def _results() -> MemoryCache:
    return MemoryCache(MOST_BYTES)
