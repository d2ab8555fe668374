"""The checkpoints that the app can show, and the contents of their folders."""

import dataclasses
import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead, covering_head
from core.analysis.trace.trace import Trace
from core.checkpoint.bundled import FIRST, bundled_root, resolve
from core.checkpoint.listing import CheckpointEntry, list_checkpoints
from core.checkpoint.required import CONFIG, model_config_of, read_required
from core.checkpoint.side_files import CARD, HISTORY, METRICS, SideFiles, read_side_files
from core.text.languages import told_language
from core.text.marian import SOURCE_FILE, TABLE_FILE
from explorer.choice.examples import examples_in
from explorer.engine.folder_version import FolderVersion, folder_version

CHECKPOINTS = "ATTENTION_EXPLORER_CHECKPOINTS"
"""Environment variable: the folders of checkpoints to show instead of the bundled one, separated as
the folders of PATH are."""


LEAST_AGREEMENT = 0.3
"""Below it no head aligns words: of random weights, the best one links a tenth in both directions."""


class NoCheckpointError(FileNotFoundError):
    """There is no checkpoint to show."""


def show_beside_bundled(folder: str) -> None:
    """Show the checkpoints of this folder, and after them the bundled ones.

    Args:
        folder: or the name of a model on Hugging Face.

    Raises:
        CheckpointError: if it is such a name, and the model cannot be fetched.
    """
    os.environ[CHECKPOINTS] = os.pathsep.join((str(_found(folder)), str(bundled_root())))


@functools.cache  # the app asks at every click
def _found(folder: str) -> Path:
    return resolve(folder)


def checkpoint_roots() -> tuple[Path, ...]:
    """The folders whose checkpoints are shown; the one to open is in the first that has any."""
    named = os.environ.get(CHECKPOINTS)
    return tuple(map(Path, named.split(os.pathsep))) if named else (bundled_root(),)


def every_checkpoint() -> list[CheckpointEntry]:
    """What `listed` says of all folders that are shown."""
    return listed(checkpoint_roots())


@st.cache_resource(ttl=10, show_spinner=False)
def listed(roots: tuple[Path, ...]) -> list[CheckpointEntry]:
    """Every checkpoint folder below these, in their order; an entry that cannot load says why.

    Of a folder's checkpoints the default one comes first. Where two folders have one of the same
    name, the later one is named after its folder too.

    Raises:
        NoCheckpointError: if none can be loaded; the message says where it looked and what to do.
    """
    found: dict[str, CheckpointEntry] = {}
    for root in roots:
        for item in sorted(
            list_checkpoints(root), key=lambda item: (item.name != FIRST, item.name)
        ):
            names = (item.name, f"{item.name} ({root.name})", f"{item.name} ({root})")
            name = next((each for each in names if each not in found), names[-1])
            found[name] = dataclasses.replace(item, name=name)
    if not any(item.problem is None for item in found.values()):
        reasons = "".join(f" {item.name}: {item.problem}." for item in found.values())
        raise NoCheckpointError(
            f"There is no checkpoint below {' or '.join(map(str, roots))}.{reasons} Train one with "
            "`python -m core train`, or name another folder: "
            "`streamlit run explorer/app.py -- --checkpoints DIR`."
        )
    return list(found.values())


def roots_without_any() -> list[Path]:
    """Folders that are shown and hold no checkpoint that can be loaded."""
    usable = [item.folder for item in every_checkpoint() if item.problem is None]
    return [root for root in checkpoint_roots() if not any(f.is_relative_to(root) for f in usable)]


def folder_of(name: str | None) -> Path:
    """The folder of the checkpoint of that name; without a name, of the default one.

    Raises:
        ValueError: if the checkpoint of that name is gone, or cannot be loaded.
    """
    usable = {item.name: item.folder for item in every_checkpoint() if item.problem is None}
    if name is None:
        return next(iter(usable.values()))
    if name not in usable:
        raise ValueError(f"the model {name} no longer exists")
    return usable[name]


def languages(folder: Path) -> tuple[str, str]:
    """Names of source and target language, as far as the checkpoint says."""
    source, target = metrics(folder).get("languages") or ("Source", "Target")
    return source, target


def says_languages(folder: Path) -> bool:
    """Whether the checkpoint names its languages."""
    return bool(metrics(folder).get("languages"))


def metrics(folder: Path) -> Mapping[str, Any]:
    """The measurements of a checkpoint that can be used."""
    return side_files(folder).metrics


def side_files(folder: Path) -> SideFiles:
    """The optional files of a checkpoint (scores, history, card) that can be used."""
    return _side_files(folder_version(folder, (CONFIG, METRICS, HISTORY, CARD)))


@st.cache_resource(max_entries=64, show_spinner=False)
def _side_files(folder_version: FolderVersion) -> SideFiles:
    folder = Path(folder_version[0])
    return read_side_files(folder, model_config_of(folder))


def examples(folder: Path) -> tuple[str, ...]:
    """Sentences to begin with: the checkpoint's own, if its training recorded some; else of its
    source language."""
    return tuple(metrics(folder).get("examples") or examples_in(languages(folder)[0]))


def target_languages(folder: Path) -> tuple[str, ...]:
    """The target languages of a multilingual model, by their codes; of others none."""
    return _target_languages(folder_version(folder, (CONFIG, TABLE_FILE, SOURCE_FILE)))


@st.cache_resource(max_entries=64, show_spinner=False)
def _target_languages(folder_version: FolderVersion) -> tuple[str, ...]:
    return tuple(read_required(Path(folder_version[0])).vocabulary.source.languages)


def told(folder: Path, text: str) -> str:
    """A text as a model needs it: with a target language first, if it has several."""
    return told_language(text, target_languages(folder))


def best_head(folder: Path, shown: Trace) -> BestHead:
    """The head that aligns words best, measured once and stored; see the command `align`.

    A checkpoint without that measurement falls back to the head that covers this source best.
    """
    alignment = metrics(folder).get("alignment")
    if alignment and alignment.get("agreement", 1) >= LEAST_AGREEMENT:
        return BestHead(
            place=HeadPlace.numbered("cross", alignment["layer"], alignment["head"]),
            rows=alignment["rows"],
            label="best-aligned",
            reason=_why_best(alignment),
            same_step=_same_step(alignment),
        )
    return covering_head(shown)


def _why_best(alignment: Mapping[str, Any]) -> str:
    n = alignment["n_sentences"]
    if "alignment_error_rate" in alignment:
        rate = alignment["alignment_error_rate"]
        return f"aligns words best: error rate {rate:.2f} on {n} hand-aligned sentence pairs"
    return (
        f"links the most words in both directions: {100 * alignment['agreement']:.0f} % of those of "
        f"{n} sentences"
    )


def _same_step(alignment: Mapping[str, Any]) -> HeadPlace | None:
    """The head that aligns words best in the step that writes the word."""
    name, sign = ("error_rates", -1) if "error_rates" in alignment else ("agreements", 1)
    found = alignment.get(name, {}).get("produced")
    if alignment["rows"] == "produced" or not found:
        return None
    places = [
        (sign * value, HeadPlace("cross", layer, head))
        for layer, of_layer in enumerate(found)
        for head, value in enumerate(of_layer)
    ]
    return max(places, key=lambda found: found[0])[1]
