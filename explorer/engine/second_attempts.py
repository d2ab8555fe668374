"""Experiments in self-correction (SCoRe): what they found, their models, and second attempts."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.trace.trace import Trace
from core.checkpoint.listing import files_below
from core.system.files import link_out_of
from core.training.score.methods import METHODS
from core.training.score.results import (
    POINTS,
    RESULTS,
    Points,
    Results,
    read_points,
    read_results,
)
from explorer.choice.choice import Run
from explorer.engine.checkpoints import NoCheckpointError, checkpoint_roots, every_checkpoint
from explorer.engine.folder_version import FolderVersion, folder_version
from explorer.engine.models import edits, load
from explorer.engine.result_cache import MemoryCache
from explorer.engine.work import searched

MOST_BYTES = 200_000_000
"""Memory for second attempts of all visitors together."""
FIRST_SHOWN = "score"
"""The method whose model opens first."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One task, learnt by several methods."""

    folder: Path
    results: Results
    models: Mapping[str, str]
    """Method -> the name that its checkpoint is listed by."""

    @property
    def usual_model(self) -> str:
        return self.models.get(FIRST_SHOWN) or next(iter(self.models.values()))

    @property
    def example_sources(self) -> list[str]:
        return [example.source for example in self.results.examples]

    def method_of(self, model: str | None) -> str | None:
        """The method of a listed checkpoint; None if it is not of this experiment."""
        return next((method for method, name in self.models.items() if name == model), None)


def experiments() -> list[Experiment]:
    """Every experiment below the folders of checkpoints that has a model to show."""
    try:
        listed = every_checkpoint()
    except NoCheckpointError:  # the frame of the page says so
        return []
    names = {item.folder: item.name for item in listed if item.problem is None}
    found = []
    for folder in _folders():
        results = _results(folder_version(folder, (RESULTS,)))
        if isinstance(results, Results):
            of = {method: folder / name for name, method in results.models.items()}
            models = {method: names[of[method]] for method in METHODS if of.get(method) in names}
            if models:
                found.append(Experiment(folder, results, models))
    return found


def problems() -> list[str]:
    """A sentence for each experiment whose results cannot be read."""
    read = (_results(folder_version(folder, (RESULTS,))) for folder in _folders())
    return [found for found in read if isinstance(found, str)]


def _folders() -> list[Path]:
    return [
        file.parent
        for root in checkpoint_roots()
        for file in files_below(root, f"**/{RESULTS}")
        if link_out_of(file.parent) is None
    ]


@st.cache_resource(max_entries=16, show_spinner=False)
def _results(folder_version: FolderVersion) -> Results | str:
    """The results, or what is wrong with them."""
    try:
        return read_results(Path(folder_version[0]))
    except ValueError as error:
        return f"{error}."


def points(folder: Path) -> Mapping[tuple[str, str], Points]:
    """The rewards of every problem, by text and method.

    Raises:
        ValueError: if they cannot be read; the message names the file.
    """
    return _points(folder_version(folder, (POINTS,)))


@st.cache_resource(max_entries=4, show_spinner=False)
def _points(folder_version: FolderVersion) -> Mapping[tuple[str, str], Points]:
    return read_points(Path(folder_version[0]))


def draft_tokens(folder: Path, text: str) -> tuple[int, ...]:
    """The tokens of a draft that the reader typed."""
    return tuple(load(folder).checkpoint.vocabulary.target.encode(text))


def second_attempt(folder: Path, run: Run, draft: Sequence[int]) -> Trace:
    """The run's sentence translated once more, with a draft to improve.

    Raises:
        ValueError: if the draft is too long, or the model takes none.
    """
    return _attempts().get(
        (folder_version(folder), _asked(run), tuple(draft)),
        lambda: _traced(folder, run, draft),
        searched(run),
    )


def nats_without(folder: Path, run: Run, second: Trace) -> NDArray[np.float64]:
    """The log-probability of each token of a second attempt, in nats, had its draft been empty."""
    written = tuple(piece.id for piece in second.target.pieces)

    def make() -> NDArray[np.float64]:
        steps = _traced(folder, run, (), written).steps
        return np.array([step.log_probability_nats for step in steps])

    return _attempts().get((folder_version(folder), _asked(run), written, "without"), make)


def _asked(run: Run) -> Run:
    """What a second attempt depends on: its draft says what the first attempt was."""
    return run.replace(model=None, prefix=(), target="")


def _traced(folder: Path, run: Run, draft: Sequence[int], prefix: Sequence[int] = ()) -> Trace:
    translator = load(folder)
    changed = edits(translator.checkpoint, run)
    # what is only scored was perhaps written behind a longer draft, which allows more pieces
    config = dataclasses.replace(
        run.search, max_extra_pieces=max(run.search.max_extra_pieces, len(prefix))
    )
    found = translator.trace(run.text, config, prefix, changed, draft)
    for array in (*found.weights.values(), *found.value_norms.values()):
        array.setflags(write=False)  # one trace is shown to many visitors
    return found


@st.cache_resource(show_spinner=False)
def _attempts() -> MemoryCache:
    return MemoryCache(MOST_BYTES)
