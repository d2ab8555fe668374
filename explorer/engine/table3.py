"""The models of Table 3: at the paper's size, and as they are trained here."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.checkpoint.listing import files_below
from core.config import ModelConfig
from core.experiments.table3.presets import PRESETS, model_config
from core.experiments.table3.rows import TRAINING, VOCABULARY_SIZE
from core.experiments.table3.table import TABLE, Table, read_table, untrained
from explorer.engine.checkpoints import checkpoint_roots

PAPER_PIECES = 37_000
"""About so many pieces has the vocabulary of section 5.1."""


@dataclass(frozen=True, slots=True)
class PaperAndOurs:
    """The variants of Table 3: those of the paper, and those trained here."""

    paper: Table  # at full size; holds no measurement of ours
    paper_steps: dict[str, int]  # by row
    ours: Table
    folder: Path  # each row's checkpoint is in the folder of its name


def shown_family() -> PaperAndOurs:
    """Table 3 from the first folder of checkpoints that has one, else before any training.

    Raises:
        ValueError: if the file is no such table; the message names it.
    """
    roots = checkpoint_roots()
    return read_family(next((root for root in roots if files_below(root, f"**/{TABLE}")), roots[0]))


@st.cache_resource(ttl=10, show_spinner=False)
def read_family(root: Path) -> PaperAndOurs:
    """Table 3 from the first table.json below `root`; without one, the table before any training.

    Raises:
        ValueError: if the file is no such table; the message names it.
    """
    file = next(iter(files_below(root, f"**/{TABLE}")), None)
    ours = read_table(file) if file else _untrained("1/4", "1/2", VOCABULARY_SIZE)
    steps = {name: preset.n_steps for name, preset in PRESETS.items()}
    return PaperAndOurs(
        _untrained("1", "1", PAPER_PIECES), steps, ours, file.parent if file else root / "table3"
    )


def _untrained(width: str, depth: str, vocabulary_size: int) -> Table:
    return untrained(width=width, depth=depth, vocabulary_size=vocabulary_size, training=TRAINING)


def paper_base() -> ModelConfig:
    """The base model, with the 37,000 pieces of section 5.1."""
    return model_config("base", vocabulary_size=PAPER_PIECES)
