"""Source and translation as chips: how sure the model was, and where each word came from."""

from collections.abc import Sequence
from typing import TypedDict

import streamlit as st

from explorer.components import source


class SourceWord(TypedDict):
    text: str
    is_new: bool  # holds a piece that training never showed


class TargetWord(TypedDict):
    text: str
    probability: float
    source: int  # index of the aligned source word
    weight: float


_mount = st.components.v2.component("aligned_words", js=source("words.js"), css=source("words.css"))


def words(sources: Sequence[SourceWord], targets: Sequence[TargetWord], *, key: str) -> None:
    """Draw both sentences; pointing at a word of either shows its partners in the other."""
    _mount(data={"sources": list(sources), "targets": list(targets)}, key=key)
