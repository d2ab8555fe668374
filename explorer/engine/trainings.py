"""Trainings, finished or running, and their reports so far."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.checkpoint.listing import (
    CheckpointEntry,
    HistoryEntry,
    list_histories,
    timeline_steps,
)
from core.checkpoint.side_files import read_history
from core.system.json_files import read_json

RUNS = "ATTENTION_EXPLORER_RUNS"
"""Environment variable: another folder of running trainings than `runs`, where `train` puts them."""


@st.cache_resource(ttl=10, show_spinner=False)
def histories(roots: tuple[Path, ...]) -> list[HistoryEntry]:
    """Every training whose reports can be drawn, finished or not: see `core.checkpoint.listing`."""
    return list_histories(roots, Path(os.environ.get(RUNS, "runs")))


def with_timeline(listed: Sequence[CheckpointEntry]) -> CheckpointEntry | None:
    """A checkpoint whose training can be played: base of Table 3, else the first that has steps."""
    found = [item for item in listed if item.problem is None and timeline_steps(item.folder)]
    return next((item for item in found if item.name.endswith("table3/base")), (*found, None)[0])


def planned_steps(item: HistoryEntry) -> int | None:
    """How many steps a training in a run folder is to take; None if its folder does not say."""
    try:
        settings = read_json(item.file.parent / "config.json")
        n_steps = settings["training"]["n_steps"]
    except (ValueError, KeyError, TypeError):
        return None
    return n_steps if isinstance(n_steps, int) and n_steps > 0 else None


def unwritten_s(item: HistoryEntry) -> float:
    """Seconds since a training last reported; 0 if its file is gone."""
    try:
        return max(0.0, time.time() - item.file.stat().st_mtime)
    except OSError:
        return 0.0


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


@st.cache_resource(max_entries=128, show_spinner=False)
def _history(file: Path, mtime_ns: int, size: int) -> list[dict[str, Any]]:
    return list(read_history(file))
