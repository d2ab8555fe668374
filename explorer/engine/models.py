"""Models loaded once, and run unchanged or under an ablation."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from core.analysis.ablation import Ablation
from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine.folder_version import FolderVersion, folder_version

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint
    from core.model import Edits, Transformer
    from core.translator import Translator

MOST_MODELS = 8
"""Models in memory: one and its timeline, or four and a few more; the oldest go first."""

Result = TypeVar("Result")


def is_loaded(folder: Path) -> bool:
    """Whether this process has the model in memory already."""
    return folder_version(folder) in _loaded()


def load(folder: Path, snapshot: int = 0) -> "Translator":
    """Load the model and keep it in memory, so that the next sentence is quick.

    Args:
        snapshot: the step of the training whose weights to load; 0 for the finished ones.
    """
    now = folder_version(folder)
    translator = _opened(now, snapshot)
    if not snapshot:
        _loaded().add(now)
    return translator


@st.cache_resource(max_entries=MOST_MODELS, show_spinner=False)
def _opened(folder_version: FolderVersion, snapshot: int) -> "Translator":
    import core

    folder, _ = folder_version
    return core.load(folder, step=snapshot or None)


@st.cache_resource(show_spinner=False)
def _loaded() -> set[FolderVersion]:
    return set()


def checkpoint(folder: Path) -> "Checkpoint":
    return load(folder).checkpoint


def run_under_ablation(
    folder: Path, run: Run, compute: Callable[["Transformer", Trace], Result], shown: Trace
) -> Result:
    """Call a function with the run's model, under the run's ablation, and the run's trace."""
    from core.model import probing

    loaded = checkpoint(folder)
    with probing(loaded.model, *edits(loaded, run)):
        return compute(loaded.model, shown)


def edits(checkpoint: "Checkpoint", run: Run) -> list["Edits"]:
    """The edits that a run makes to the model.

    Raises:
        ValueError: if the ablation needs mean head outputs that the checkpoint lacks.
    """
    from core.analysis.ablation.edits import ablating
    from core.analysis.ablation.head_means import read_means

    if not run.ablation:
        return []
    ablation = Ablation.parse(run.ablation)
    means = read_means(checkpoint) if ablation.needs_means else None
    return [ablating(checkpoint.model, [ablation], means)]
