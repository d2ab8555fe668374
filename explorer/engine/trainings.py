"""Trainings, finished or running, and their reports so far."""

import os
from pathlib import Path
from typing import Any

import streamlit as st

from core.checkpoint.listing import HistoryEntry, list_histories
from core.checkpoint.side_files import read_history

RUNS = "ATTENTION_EXPLORER_RUNS"
"""Environment variable: another folder of running trainings than `runs`, where `train` puts them."""


@st.cache_data(ttl=10, show_spinner=False)
def histories(checkpoints: Path) -> list[HistoryEntry]:
    """Every training whose reports can be drawn, finished or not: see `core.checkpoint.listing`."""
    return list_histories(checkpoints, Path(os.environ.get(RUNS, "runs")))


def history(file: Path) -> list[dict[str, Any]]:
    """The reports so far; read again only if the file changed.

    Raises:
        ValueError: if the file is gone or broken; the message names it.
    """
    try:
        stat = file.stat()
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    return _history(file, stat.st_mtime_ns, stat.st_size)


@st.cache_data(max_entries=128, show_spinner=False)
def _history(file: Path, mtime_ns: int, size: int) -> list[dict[str, Any]]:
    return list(read_history(file))
