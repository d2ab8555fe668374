"""What the layers of a model hold for the sentence on screen, and how good each is over a text."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.analysis.lens.results import LENS, LensScores, read_lens_scores
from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine.folder_version import folder_version
from explorer.engine.measured import measured_of
from explorer.engine.models import checkpoint, run_under_ablation
from explorer.engine.result_cache import MemoryCache
from explorer.engine.work import searched

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.analysis.lens.logit_lens import LogitLens
    from core.model import Transformer

MOST_BYTES = 50_000_000
"""Memory for lenses of all visitors together."""


def translations_by_depth(folder: Path, run: Run, shown: Trace) -> list[str]:
    """What the decoder makes of the embeddings, and of every encoder layer; under the run's ablation."""
    from core.analysis.lens.decoder_lens import lens_search_of_all_depths
    from core.decoding.translate import written

    def make(model: "Transformer", shown: Trace) -> list[str]:
        vocabulary = checkpoint(folder).vocabulary
        ids = [piece.id for piece in shown.source.pieces[:-1]]
        found = lens_search_of_all_depths(model, ids, run.search, unwritable=vocabulary.unwritable)
        return [written(vocabulary, result.best.tokens) for result in found]

    key = (folder_version(folder), run.replace(model=None, prefix=(), target=""), "depths")
    n_depths = len(shown.weights["encoder"])
    return _results().get(
        key, lambda: run_under_ablation(folder, run, make, shown), searched(run, n_depths)
    )


def logit_lens(folder: Path, run: Run, shown: Trace) -> "LogitLens":
    """What each decoder layer would write at each step."""
    from core.analysis.lens.logit_lens import logit_lens as read

    def make(model: "Transformer", shown: Trace) -> "LogitLens":
        return read(model, checkpoint(folder).vocabulary, shown)

    key = (folder_version(folder), run.replace(model=None), "logits")
    return _results().get(key, lambda: run_under_ablation(folder, run, make, shown))


def ranks_of(folder: Path, run: Run, shown: Trace, token: int) -> "NDArray[np.int64]":
    """The rank of one token after every decoder layer, at every step."""
    from core.analysis.lens.logit_lens import ranks_of as ranks

    def make(model: "Transformer", shown: Trace) -> "NDArray[np.int64]":
        return ranks(model, shown, token)

    key = (folder_version(folder), run.replace(model=None), token, "ranks")
    return _results().get(key, lambda: run_under_ablation(folder, run, make, shown))


@st.cache_resource(show_spinner=False)
def _results() -> MemoryCache:
    return MemoryCache(MOST_BYTES)


def lens_scores(folder: Path) -> LensScores | str | None:
    """What `python -m core lens` measured; None if nothing, or what is wrong with the file."""
    return measured_of(folder, LENS, read_lens_scores, "lens")
