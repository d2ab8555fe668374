"""Analyses of the sentence on screen, computed once and shared; and the table of positions."""

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.ablation import Ablation
from core.analysis.ablation.places import with_off
from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace
from core.config import Kind
from explorer.choice.choice import Run
from explorer.engine.folder_version import folder_version
from explorer.engine.heavy import LIGHT_TOKENS
from explorer.engine.measured import hash_of
from explorer.engine.models import checkpoint, run_under_ablation
from explorer.engine.result_cache import MemoryCache
from explorer.engine.work import forced, searched

if TYPE_CHECKING:
    from core.analysis.effects.sentence import SentenceEffect, StepEffect
    from core.analysis.scores.parts import ScoreParts
    from core.analysis.trace.block_vectors import ModelVectors
    from core.analysis.trace.head_internals import HeadInternals
    from core.analysis.trace.self_check import Check
    from core.model import Transformer

MOST_EFFECT_BYTES = 100_000_000
"""Memory for effects, and for the numbers of heads, of all visitors together."""

TRIED_AT_ONCE = 16
"""Ablations under which a sentence is translated together: a third of the time of one by one."""

Progress = Callable[[int, int], None]
"""Told how many of how many are done; what it raises cancels."""


def head_effects(folder: Path, run: Run, shown: Trace) -> dict[Kind, NDArray[np.float64]]:
    """Change of the translation's log-probability when one head is switched off, in nats: N H."""
    from core.analysis.effects.sweeps import head_effects as effects

    return _results().get(
        (folder_version(folder), run, "every head"),
        lambda: run_under_ablation(folder, run, effects, shown),
        forced(shown, _n_heads(shown)),
    )


def leave_one_out(
    folder: Path, run: Run, shown: Trace, progress: Progress = lambda n_done, n: None
) -> dict[str, float]:
    """Change of a translation's log-probability, in nats, without each head, layer and sub-layer.

    The result is also stored for later sessions.

    Args:
        run: a run of the unchanged model.

    Returns:
        place, as an ablation writes it (`cross.L1H6`, `enc.L2`, `dec.L1.ffn`) -> nats
    """
    from core.analysis.effects.sweeps import every_head, every_layer, every_sublayer, sweep
    from core.analysis.result_cache import DiskCache

    def make() -> dict[str, float]:
        model = checkpoint(folder).model
        kinds = (every_head, every_layer, every_sublayer)
        every = [ablation for of_kind in kinds for ablation in of_kind(model.config)]
        stored = DiskCache(model, weights=hash_of(folder_version(folder)))
        swept = sweep(model, shown, every, store=stored, progress=progress)
        places = [ablation.parts[0].place for ablation in swept.ablations]
        return dict(zip(places, swept.delta_nats.tolist(), strict=True))

    return _results().get(_left_out(folder, run), make, _work_of_each_part(shown))


def _work_of_each_part(shown: Trace) -> int:
    n_runs = _n_heads(shown) + PARTS_A_LAYER * sum(map(len, shown.weights.values()))
    return forced(shown, n_runs)


PARTS_A_LAYER = 2
"""About so many sub-layers and layers there are for each attention of a layer."""


def _n_heads(shown: Trace) -> int:
    return sum(weights.shape[0] * weights.shape[1] for weights in shown.weights.values())


def is_left_out(folder: Path, run: Run, shown: Trace) -> bool:
    """Whether `leave_one_out` knows its answer already, or has it within a second or two."""
    return _work_of_each_part(shown) <= LIGHT_TOKENS or _results().known(_left_out(folder, run))


def _left_out(folder: Path, run: Run) -> Hashable:
    return (folder_version(folder), run, "leave one out")


def head_that_changes_words(
    folder: Path, run: Run, shown: Trace, worth: Mapping[str, float], most: int
) -> Ablation | None:
    """The first head without which the translation has other words; None if none of `most` has.

    The one whose loss costs most is tried first.

    Args:
        worth: place -> change of the translation's log-probability without it (`leave_one_out`).
    """
    heads = sorted((place for place in worth if "H" in place), key=worth.__getitem__)
    ablations = tuple(with_off(Ablation(), [place]) for place in heads[:most])
    for start in range(0, len(ablations), TRIED_AT_ONCE):
        tried = ablations[start : start + TRIED_AT_ONCE]
        for effect in sentence_effects(folder, run, shown, tried):
            if effect.before.split() != effect.after.split():
                return effect.ablation
    return None


def sentence_effects(
    folder: Path, run: Run, shown: Trace, ablations: tuple[Ablation, ...]
) -> list["SentenceEffect"]:
    """The effect of each ablation on a sentence that was traced on the unchanged model."""
    from core.analysis.effects.sentence import sentence_effects as effects

    def make() -> list["SentenceEffect"]:
        loaded = checkpoint(folder)
        return effects(loaded.model, loaded.vocabulary, shown, ablations)

    work = searched(run, len(ablations))
    return _results().get((folder_version(folder), run, ablations, "sentence"), make, work)


def step_effects(
    folder: Path, run: Run, shown: Trace, ablation: Ablation
) -> tuple["StepEffect", ...]:
    """The effect of an ablation on each step of a translation by the unchanged model."""
    from core.analysis.ablation.head_means import read_means
    from core.analysis.effects.sentence import step_effects as effects

    def make() -> tuple["StepEffect", ...]:
        loaded = checkpoint(folder)
        means = read_means(loaded) if ablation.needs_means else None
        return effects(loaded.model, loaded.vocabulary, shown, [ablation], means)[0]

    return _results().get((folder_version(folder), run, ablation, "steps"), make)


@st.cache_resource(show_spinner=False)
def _results() -> MemoryCache:
    return MemoryCache(MOST_EFFECT_BYTES)


MOST_CHECK_BYTES = 2_000_000
"""Memory for self-checks of all visitors together, about a thousand."""


def self_check(folder: Path, run: Run, shown: Trace) -> tuple["Check", ...]:
    """Run the self-check on the trace, which may read a draft; see `core.analysis.trace.self_check`."""
    from core.analysis.trace.self_check import self_check as check

    return _checks().get(
        (folder_version(folder), run, tuple(piece.id for piece in shown.source.pieces)),
        lambda: run_under_ablation(folder, run, check, shown),
        forced(shown, 3),
    )


@st.cache_resource(show_spinner=False)
def _checks() -> MemoryCache:
    return MemoryCache(MOST_CHECK_BYTES)


def head_internals(folder: Path, run: Run, shown: Trace, place: HeadPlace) -> "HeadInternals":
    """All tensors of one head for the sentence on screen."""
    from core.analysis.trace.head_internals import head_internals as internals

    def at(model: "Transformer", shown: Trace) -> "HeadInternals":
        return internals(model, shown, place)

    return _results().get(
        (folder_version(folder), run, place, "inside"),
        lambda: run_under_ablation(folder, run, at, shown),
    )


def score_parts(folder: Path, run: Run, shown: Trace, place: HeadPlace, query: int) -> "ScoreParts":
    """The scores of one query, split by who wrote query and keys; of the unchanged model.

    Raises:
        ValueError: if the head attends by a fixed pattern.
    """
    from core.analysis.scores.parts import score_parts as parts

    def at(model: "Transformer", shown: Trace) -> "ScoreParts":
        return parts(model, shown, place, query)

    return _results().get(
        (folder_version(folder), run, place, query, "parts"),
        lambda: run_under_ablation(folder, run, at, shown),
    )


MOST_VECTOR_BYTES = 100_000_000
"""Memory for vectors of all visitors together; a sentence of 30 pieces has about 5 million."""


def model_vectors(folder: Path, run: Run, shown: Trace) -> "ModelVectors":
    """The vectors that leave every block of Figure 1 for the sentence on screen."""
    from core.analysis.trace.block_vectors import model_vectors as vectors

    return _vectors().get(
        (folder_version(folder), run), lambda: run_under_ablation(folder, run, vectors, shown)
    )


@st.cache_resource(show_spinner=False)
def _vectors() -> MemoryCache:
    return MemoryCache(MOST_VECTOR_BYTES)


def position_table(folder: Path) -> NDArray[np.float32]:
    """The table that the model adds to its embeddings, whole: max_positions d_model."""
    import torch

    model = checkpoint(folder).model
    indices = torch.arange(model.config.max_positions, device=model.embedding.weight.device)
    return model.embedding.positions_for(indices).detach().float().cpu().numpy()


def sinusoid_table(n: int, d_model: int) -> NDArray[np.float32]:
    """The paper's sinusoids, in place of a learned table: n d_model; d_model must be even."""
    from core.model.embedding import sinusoids

    return sinusoids(n, d_model).numpy()
