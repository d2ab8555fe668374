"""Text on a page: escaped, as a notice, or as a small note."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.checkpoint.required import CheckpointError


def plain(text: str) -> str:
    """Escape text for labels and messages, which are Markdown, so that it appears as typed."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|~:$<>&" else c for c in text)


def code(text: str) -> str:
    """Text as code in Markdown, whatever is in it: more backticks around it than anywhere inside."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " * (len(fence) > 1)
    return f"{fence}{space}{text}{space}{fence}"


def without_pictures(markdown: str) -> str:
    """A stranger's Markdown, in which a picture is its text: a browser would fetch it from anywhere."""
    return markdown.replace("![", r"!\[")


def notice(text: str) -> None:
    st.warning(plain(text))


def note(text: str) -> None:
    """A small line of explanation; unlike a caption, it keeps the contrast of normal text."""
    st.markdown(f":small[{text}]")


@contextmanager
def telling_damage() -> Iterator[None]:
    """Say that a checkpoint was damaged or replaced after it was listed, and end the page."""
    try:
        yield
    except CheckpointError as error:
        st.error(plain(f"{error}; choose another model, or open the page again later."))
