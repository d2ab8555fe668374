"""A sentence and its translations in words: whole, copyable, each word above its gloss.

What is pointed at here lights up everywhere on the page, and the other way round: all components
tell and hear of it by one event of the window (`pointAt` and `onPoint` in common.js).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from explorer.components import source

SCRIPT, STYLE = source("common.js", "words/component.js"), source("words/component.css")

_mount = st.components.v2.component("sentence_in_words", js=SCRIPT, css=STYLE)


@dataclass(frozen=True, slots=True)
class TargetWord:
    """A word of a translation, and the source word that it is linked to."""

    text: str
    gloss: str = ""
    source_word: int | None = None
    probability: float | None = None
    is_changed: bool = False
    source_share: float | None = None
    """How much of it comes from the source, 0 to 1, where that is known."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A line of the picture: a translation, and what it is called at the left."""

    name: str
    words: Sequence[TargetWord]
    text: str  # whole, as it is copied
    is_first: bool = True
    """Whether its words are the ones that the rest of the page speaks of."""


def words_payload(
    source: tuple[str, Sequence[str]] | None,
    translations: Sequence[Translation],
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """What the script draws.

    Args:
        source: the language's name and the words of the source, where its line is drawn.
        warnings: what is unusual, a sentence each.
    """
    return {
        "source": {"name": source[0], "words": list(source[1])} if source else None,
        "translations": [asdict(each) for each in translations],
        "warnings": list(warnings),
    }


def words(payload: dict[str, Any], *, key: str) -> None:
    """Draw a `words_payload`."""
    _mount(data=payload, key=key)
