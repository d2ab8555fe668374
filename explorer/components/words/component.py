"""A sentence and its translation in words: whole, copyable, each word above its gloss.

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


def words_payload(
    source_words: Sequence[str],
    target_words: Sequence[TargetWord],
    *,
    languages: tuple[str, str],
    text: str,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """What the script draws.

    Args:
        languages: names of the source and of the target language.
        text: the whole translation, as it is copied.
        warnings: what is unusual, a sentence each.
    """
    return {
        "source": list(source_words),
        "target": [asdict(word) for word in target_words],
        "languages": list(languages),
        "text": text,
        "warnings": list(warnings),
    }


def words(payload: dict[str, Any], *, key: str) -> None:
    """Draw a `words_payload`."""
    _mount(data=payload, key=key)
