"""What switching something off does to the sentence on show, found out once."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.ablation import Ablation
from core.records import Kind, Trace
from explorer.engine.kept import Kept
from explorer.engine.models import checkpoint, look
from explorer.engine.stamps import stamp
from explorer.state import Run

if TYPE_CHECKING:
    from core.effects import SentenceEffect, StepEffect

MOST_EFFECT_BYTES = 100_000_000
"""Memory for effects of all visitors together."""

Progress = Callable[[int, int], None]
"""Told how many of how many are done; what it raises cancels."""


def head_effects(folder: Path, run: Run, shown: Trace) -> dict[Kind, NDArray[np.float64]]:
    """Change of the translation's log-probability when one head is switched off, in nats: N H."""
    from core.sweeps import head_effects as effects

    return _results().get(
        (stamp(folder), run, "every head"), lambda: look(folder, run, effects, shown)
    )


def leave_one_out(
    folder: Path, run: Run, shown: Trace, progress: Progress = lambda n_done, n: None
) -> dict[str, float]:
    """Change of a translation's log-probability, in nats, without each head, layer and sub-layer.

    Kept for later sessions too.

    Args:
        run: of the model as it is.

    Returns:
        place, as an ablation writes it (`cross.L1H6`, `enc.L2`, `dec.L1.ffn`) -> nats
    """
    from core.ablation.store import Store
    from core.sweeps import every_head, every_layer, every_sublayer, sweep

    def make() -> dict[str, float]:
        model = checkpoint(folder).model
        kinds = (every_head, every_layer, every_sublayer)
        every = [ablation for of_kind in kinds for ablation in of_kind(model.config)]
        swept = sweep(model, shown, every, store=Store(model), progress=progress)
        places = [ablation.parts[0].place for ablation in swept.ablations]
        return dict(zip(places, swept.delta_nats.tolist(), strict=True))

    return _results().get((stamp(folder), run, "leave one out"), make)


def sentence_effects(
    folder: Path, run: Run, shown: Trace, ablations: tuple[Ablation, ...]
) -> list["SentenceEffect"]:
    """What each ablation does to a sentence, traced on the model as it is."""
    from core.effects import sentence_effects as effects

    def make() -> list["SentenceEffect"]:
        of = checkpoint(folder)
        return effects(of.model, of.tokenizer, shown, ablations)

    return _results().get((stamp(folder), run, ablations, "sentence"), make)


def step_effects(
    folder: Path, run: Run, shown: Trace, ablation: Ablation
) -> tuple["StepEffect", ...]:
    """What an ablation does to each step of a translation, traced on the model as it is."""
    from core.ablation.means import read_means
    from core.effects import step_effects as effects

    def make() -> tuple["StepEffect", ...]:
        of = checkpoint(folder)
        means = read_means(of) if ablation.needs_means else None
        return effects(of.model, of.tokenizer, shown, [ablation], means)[0]

    return _results().get((stamp(folder), run, ablation, "steps"), make)


@st.cache_resource(show_spinner=False)
def _results() -> Kept:
    return Kept(MOST_EFFECT_BYTES)
