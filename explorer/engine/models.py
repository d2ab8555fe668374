"""Models loaded once, and run unchanged or under an ablation."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from core.analysis.ablation import Ablation
from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine.folder_version import folder_version, require_same_model
from explorer.engine.result_cache import MemoryCache

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint
    from core.model import Edits, Transformer
    from core.translator import Translator

MOST_MODEL_BYTES = 600_000_000
"""The most memory for models: enough for all that are bundled (400 MB), or for two as large as the
paper's base. Beyond it, the least recently used goes first; the last one stays, however large it is."""

Result = TypeVar("Result")


def is_loaded(folder: Path) -> bool:
    """Whether this process has the model in memory already."""
    return _models().known((folder_version(folder), 0))


def load(folder: Path, snapshot: int = 0) -> "Translator":
    """Load the model and keep it in memory, so that the next sentence is quick.

    Args:
        snapshot: the step of the training whose weights to load; 0 for the finished ones.

    Raises:
        CheckpointError: the folder has no sound model, or another one took its place meanwhile.
    """
    import core

    version = folder_version(folder)
    key = version, snapshot

    def open_() -> "Translator":
        opened = core.load(folder, step=snapshot or None)
        require_same_model(version)
        return opened

    if _models().known(key):
        return _models().get(key, open_)
    with _loading():  # who asks for the same model meanwhile finds it loaded
        return _models().get(key, open_)


@st.cache_resource(show_spinner=False)
def _models() -> MemoryCache:
    return MemoryCache(MOST_MODEL_BYTES, _n_bytes)


def _n_bytes(opened: "Translator") -> int:
    tensors = opened.checkpoint.model.state_dict().values()
    n_bytes: int = sum(tensor.nbytes for tensor in tensors)
    return min(n_bytes, MOST_MODEL_BYTES)


@st.cache_resource(show_spinner=False)
def _loading() -> threading.Lock:
    return threading.Lock()


def checkpoint(folder: Path) -> "Checkpoint":
    return load(folder).checkpoint


def run_under_ablation(
    folder: Path, run: Run, compute: Callable[["Transformer", Trace], Result], shown: Trace
) -> Result:
    """Call a function with the run's model under its ablation, and with the run's trace."""
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
