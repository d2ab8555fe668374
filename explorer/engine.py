"""The only file that calls core: models loaded once, sentences traced once, shared by all visitors.

Importing this file does not import torch, so a stored example is on screen before the model is.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.records import Trace
from core.tokenizer import normalise
from core.words import AlignedWord, Rows, aligned_words

if TYPE_CHECKING:
    from core.translator import Translator

__all__ = ["AlignedWord", "BestHead", "Path", "Trace", "aligned_words", "normalise"]

CHECKPOINTS = "ATTENTION_EXPLORER_CHECKPOINTS"
"""Environment variable: another folder of checkpoints than the bundled one."""

BUNDLED = Path(__file__).resolve().parents[1] / "checkpoints"
EXAMPLE = "example.npz"


class NoCheckpointError(FileNotFoundError):
    """There is no checkpoint to show."""


@dataclass(frozen=True, slots=True)
class BestHead:
    """The cross-attention head to open first (from 1), and why."""

    layer: int
    head: int
    rows: Rows
    label: str
    reason: str


def checkpoint_folder() -> Path:
    """The checkpoint on show: en-de, or else the first folder that holds weights.

    Raises:
        NoCheckpointError: if there is none; the message says where it looked and what to do.
    """
    root = Path(os.environ.get(CHECKPOINTS, BUNDLED))
    found = sorted(file.parent for file in root.glob("*/model.safetensors"))
    if not found:
        raise NoCheckpointError(
            f"There is no checkpoint below {root}. Train one with `python -m core train`, or set "
            f"{CHECKPOINTS} to a folder of checkpoints."
        )
    return next((folder for folder in found if folder.name == "en-de"), found[0])


def is_loaded(folder: Path) -> bool:
    """Whether this process has the model in memory already."""
    return str(folder) in _loaded()


def trace(folder: Path, text: str) -> Trace:
    """The sentence, its translation and every head; from the stored example if it is that sentence.

    Raises:
        ValueError: if the text cannot be translated (too long, empty, or no text).
    """
    stored = example(folder)
    if stored and stored.source.text == text:
        return stored
    return _traced(str(folder), text)


@st.cache_resource(max_entries=4, show_spinner=False)
def example(folder: Path) -> Trace | None:
    """The sentence stored with the checkpoint, if there is one."""
    file = folder / EXAMPLE
    return Trace.load(file) if file.is_file() else None


def load(folder: Path) -> None:
    """Load the model, so that the next sentence is quick."""
    _translator(str(folder))


def best_head(folder: Path, shown: Trace) -> BestHead:
    """The head that aligns words best on gold alignments, measured once and stored; see `align`.

    A checkpoint without that measurement falls back to the head that covers this source best.
    """
    alignment = metrics(folder).get("alignment")
    if alignment:
        return BestHead(
            layer=alignment["layer"],
            head=alignment["head"],
            rows=alignment["rows"],
            label="best-aligned",
            reason=(
                f"aligns words best: error rate {alignment['alignment_error_rate']:.2f} on "
                f"{alignment['n_sentences']} hand-aligned sentence pairs"
            ),
        )
    words = shown.weights["cross"][..., :-1]  # all source columns but </s>
    coverage = words.max(-2).mean(-1)  # how much of each source token its best row got
    layer, head = divmod(int(coverage.argmax()), coverage.shape[1])
    return BestHead(
        layer + 1,
        head + 1,
        "produced",
        "covers most",
        "covers this source most completely (no alignment was measured for this checkpoint)",
    )


def languages(folder: Path) -> tuple[str, str]:
    """Names of source and target language, as far as the checkpoint says."""
    source, target = metrics(folder).get("languages") or ("Source", "Target")
    return source, target


@st.cache_data(max_entries=16, show_spinner=False)
def metrics(folder: Path) -> dict[str, Any]:
    """What was measured of a checkpoint."""
    file = folder / "metrics.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


@st.cache_resource(max_entries=4, show_spinner=False)
def _translator(folder: str) -> "Translator":
    import core

    translator = core.load(folder)
    _loaded().add(folder)
    return translator


@st.cache_resource(show_spinner=False)
def _loaded() -> set[str]:
    return set()


@st.cache_resource(max_entries=64, show_spinner=False)
def _traced(folder: str, text: str) -> Trace:
    found = _translator(folder).trace(text)
    for weights in found.weights.values():
        weights.setflags(write=False)  # one trace is shown to many visitors
    return found
