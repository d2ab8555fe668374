"""A reader's text, measured some sentences at a time; what is done stays done if the rest is stopped."""

import re
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from core.analysis.contributions.results import CONTRIBUTIONS
from core.analysis.over_text.sentences import Measured, Sentence, Unread
from core.config import SearchConfig
from explorer.engine.checkpoints import languages
from explorer.engine.contributions import usual_shares
from explorer.engine.folder_version import folder_version
from explorer.engine.heavy import HEAVY
from explorer.engine.models import checkpoint
from explorer.engine.result_cache import MemoryCache
from explorer.engine.roles import TARGET, can_measure

MOST_SENTENCES = 1_000
MOST_CHARACTERS = 200_000
MOST_BYTES = 100_000_000
"""Memory for measured sentences of all visitors together; one has about 6,000."""

Progress = Callable[[int, int], None]
"""Told how many sentences of how many are done; what it raises stops the rest."""


def sentences_of(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text: one a line, and after a tab its reference; empty lines do not count.

    Raises:
        ValueError: if there are too many sentences or characters; the message says the limit.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"the text has {len(text):,} characters, and {MOST_CHARACTERS:,} is the most; take a part of it"
        )
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]  # as files are read
    if len(lines) > MOST_SENTENCES:
        raise ValueError(
            f"the text has {len(lines):,} sentences, and {MOST_SENTENCES:,} is the most; take a part of it, or use "
            "`python -m core text`"
        )
    parts = (line.split("\t", 1) for line in lines)
    return tuple(Sentence(part[0].strip(), part[1].strip() if part[1:] else "") for part in parts)


def own_sentences(folder: Path) -> tuple[Sentence, ...]:
    """This project's sentences, if the model reads their language; with references in German."""
    from core.analysis.roles.examples import example_sentences

    if not can_measure(folder):
        return ()
    has_references = languages(folder)[1] == TARGET
    return tuple(
        Sentence(source, target if has_references else "")
        for source, target in example_sentences().pairs
    )


def measured(
    folder: Path,
    sentences: Sequence[Sentence],
    search: SearchConfig,
    progress: Progress = lambda n_done, n: None,
) -> list[Measured | Unread]:
    """Measure sentences by the unchanged model; loads it.

    Visitors take turns after every few sentences, so that a long text keeps nobody waiting.
    """
    from core.analysis.over_text.measure import AT_ONCE, measure_sentences

    usual = usual_shares(folder)

    def make(some: Sequence[Sentence]) -> list[Measured | Unread]:
        return measure_sentences(checkpoint(folder), some, search, usual=usual)

    found: list[Measured | Unread] = []
    for first in range(0, len(sentences), AT_ONCE):
        some = tuple(sentences[first : first + AT_ONCE])
        key = _key(folder, search, some)
        if not _results().known(key):
            progress(first, len(sentences))
        found += _results().get(
            key,
            partial(make, some),
            HEAVY,
            tell=lambda n_before, n_done=first: progress(n_done, len(sentences)),  # type: ignore[misc]
        )
    return found


def is_measured(folder: Path, sentences: Sequence[Sentence], search: SearchConfig) -> bool:
    """Whether `measured` knows its answer already."""
    from core.analysis.over_text.measure import AT_ONCE

    return all(
        _results().known(_key(folder, search, sentences[first : first + AT_ONCE]))
        for first in range(0, len(sentences), AT_ONCE)
    )


def _key(folder: Path, search: SearchConfig, some: Sequence[Sentence]) -> Hashable:
    """All that the numbers of some sentences depend on: the model, what is usual for it, the search."""
    versions = folder_version(folder), folder_version(folder, (CONTRIBUTIONS,))
    return versions, search, tuple(some)


@st.cache_resource(show_spinner=False)
def _results() -> MemoryCache:
    return MemoryCache(MOST_BYTES)
