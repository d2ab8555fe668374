"""Sentences translated and traced once, within a number of bytes."""

from pathlib import Path

import streamlit as st

from core.analysis.ablation import Ablation
from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine.folder_version import FolderVersion, folder_version
from explorer.engine.models import checkpoint, edits, load
from explorer.engine.result_cache import MemoryCache

EXAMPLE = "example.npz"
MOST_TRACE_BYTES = 600_000_000
"""Memory for traces of all visitors together."""


def trace(folder: Path, run: Run, snapshot: int = 0) -> Trace:
    """The sentence, its translation and every head; from the stored example if it is that run.

    Args:
        snapshot: the step of the training whose weights translate; 0, the finished ones.

    Raises:
        ValueError: if the text cannot be translated (too long, empty, or no text), the link's
            prefix holds no pieces of this model, or the model, the sentence or its translation has
            not what an ablation changes.
    """
    stored = example(folder)
    if not snapshot and stored and run.replace(model=None) == Run(text=stored.source.text):
        return stored
    key = (folder_version(folder), snapshot, run.replace(model=None))
    return _traces().get(key, lambda: _traced(folder, run, snapshot))


def example(folder: Path) -> Trace | None:
    """The sentence stored with the checkpoint, if there is one."""
    return _example(folder_version(folder))


@st.cache_resource(max_entries=4, show_spinner=False)
def _example(folder_version: FolderVersion) -> Trace | None:
    file = Path(folder_version[0], EXAMPLE)
    return Trace.load(file) if file.is_file() else None


def continuation(folder: Path, tokens: tuple[int, ...], word: str) -> tuple[int, ...]:
    """Tokens, and then a word that the reader typed, in this model's pieces."""
    return (*tokens, *checkpoint(folder).vocabulary.target.encode(word))


def _traced(folder: Path, run: Run, snapshot: int) -> Trace:
    translator = load(folder, snapshot)
    vocabulary = translator.checkpoint.vocabulary.target
    prefix = run.prefix
    if any(id_ >= len(vocabulary.names) for id_ in prefix):
        raise ValueError(
            f"the link's prefix names piece {max(prefix)}, but this model has pieces up to "
            f"{len(vocabulary.names) - 1}"
        )
    if run.target.strip():
        prefix = (*vocabulary.encode(run.target), translator.checkpoint.config.end_id)
    _check_rows(folder, run, snapshot)
    changed = edits(translator.checkpoint, run)
    found = translator.trace(run.text, run.search, prefix, changed)
    for array in (*found.weights.values(), *found.value_norms.values()):
        array.setflags(write=False)  # one trace is shown to many visitors
    return found


def _check_rows(folder: Path, run: Run, snapshot: int) -> None:
    """Whether the sentence, and its translation by the unchanged model, has the rows to be changed."""
    from core.analysis.effects.sentence import check_parts

    ablation = Ablation.parse(run.ablation)
    if ablation.names_rows:
        unchanged = trace(folder, run.replace(ablation=""), snapshot)
        check_parts(load(folder, snapshot).checkpoint.model, unchanged, [ablation])


@st.cache_resource(show_spinner=False)
def _traces() -> MemoryCache:
    return MemoryCache(MOST_TRACE_BYTES)
