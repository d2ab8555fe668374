"""Text on a page: escaped, as a notice, or as a small note."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.checkpoint.required import CheckpointError


def plain(text: str) -> str:
    """Escape text for labels and messages, which are Markdown, so that it appears as typed."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|~:$<>&" else c for c in text)


def notice(text: str) -> None:
    st.warning(plain(text))


def note(text: str) -> None:
    """A small line of explanation; unlike a caption, it keeps the contrast of normal text."""
    st.markdown(f":small[{text}]")


@contextmanager
def telling_damage() -> Iterator[None]:
    """Say what is wrong with a checkpoint that was damaged after it was listed, and end the page."""
    try:
        yield
    except CheckpointError as error:
        st.error(plain(f"{error}; choose another model, or open the page again when it is mended."))
