"""The checkpoints that the app can show, and the contents of their folders."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead, covering_head
from core.analysis.trace.trace import Trace
from core.checkpoint.bundled import FIRST, bundled_root
from core.checkpoint.listing import CheckpointEntry, list_checkpoints
from core.checkpoint.required import CONFIG, model_config_of
from core.checkpoint.side_files import CARD, HISTORY, METRICS, SideFiles, read_side_files
from explorer.choice.choice import EXAMPLES
from explorer.engine.folder_version import FolderVersion, folder_version

CHECKPOINTS = "ATTENTION_EXPLORER_CHECKPOINTS"
"""Environment variable: another folder of checkpoints than the bundled one."""


class NoCheckpointError(FileNotFoundError):
    """There is no checkpoint to show."""


def checkpoint_root() -> Path:
    return Path(os.environ.get(CHECKPOINTS) or bundled_root())


@st.cache_data(ttl=10, show_spinner=False)
def listed(root: Path) -> list[CheckpointEntry]:
    """Every checkpoint folder below `root`, the default first; an entry that cannot load says why.

    Raises:
        NoCheckpointError: if none can; the message says where it looked and what to do.
    """
    found = sorted(list_checkpoints(root), key=lambda item: (item.name != FIRST, item.name))
    if not any(item.problem is None for item in found):
        reasons = "".join(f" {item.name}: {item.problem}." for item in found)
        raise NoCheckpointError(
            f"There is no checkpoint below {root}.{reasons} Train one with `python -m core train`, "
            f"or name another folder: `streamlit run explorer/app.py -- --checkpoints DIR`."
        )
    return found


def folder_of(name: str | None) -> Path:
    """The folder of the checkpoint of that name; without a name, of the default one.

    Raises:
        ValueError: if the checkpoint of that name is gone, or cannot be loaded.
    """
    usable = {item.name: item.folder for item in listed(checkpoint_root()) if item.problem is None}
    if name is None:
        return next(iter(usable.values()))
    if name not in usable:
        raise ValueError(f"the model {name} no longer exists")
    return usable[name]


def languages(folder: Path) -> tuple[str, str]:
    """Names of source and target language, as far as the checkpoint says."""
    source, target = metrics(folder).get("languages") or ("Source", "Target")
    return source, target


def metrics(folder: Path) -> Mapping[str, Any]:
    """The measurements of a checkpoint that can be used."""
    return side_files(folder).metrics


def side_files(folder: Path) -> SideFiles:
    """The optional files of a checkpoint (scores, history, card) that can be used."""
    return _side_files(folder_version(folder, (CONFIG, METRICS, HISTORY, CARD)))


@st.cache_data(max_entries=64, show_spinner=False)
def _side_files(folder_version: FolderVersion) -> SideFiles:
    folder = Path(folder_version[0])
    return read_side_files(folder, model_config_of(folder))


def examples(folder: Path) -> tuple[str, ...]:
    """Sentences to begin with: the checkpoint's own, if its training recorded some."""
    return tuple(metrics(folder).get("examples", EXAMPLES))


def best_head(folder: Path, shown: Trace) -> BestHead:
    """The head that aligns words best on gold alignments, measured once and stored; see `align`.

    A checkpoint without that measurement falls back to the head that covers this source best.
    """
    alignment = metrics(folder).get("alignment")
    if alignment:
        return BestHead(
            place=HeadPlace.numbered("cross", alignment["layer"], alignment["head"]),
            rows=alignment["rows"],
            label="best-aligned",
            reason=(
                f"aligns words best: error rate {alignment['alignment_error_rate']:.2f} on "
                f"{alignment['n_sentences']} hand-aligned sentence pairs"
            ),
            same_step=_same_step(alignment),
        )
    return covering_head(shown)


def _same_step(alignment: Mapping[str, Any]) -> HeadPlace | None:
    """The head with the lowest alignment error in the step that writes the word."""
    rates = alignment.get("error_rates", {}).get("produced")
    if alignment["rows"] == "produced" or not rates:
        return None
    places = [
        (rate, HeadPlace("cross", layer, head))
        for layer, of_layer in enumerate(rates)
        for head, rate in enumerate(of_layer)
    ]
    return min(places, key=lambda found: found[0])[1]
