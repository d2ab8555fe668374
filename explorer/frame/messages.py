"""Text on a page: escaped, as a notice, or as a small note."""

import streamlit as st


def plain(text: str) -> str:
    """Escape text for labels and messages, which are Markdown, so that it appears as typed."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|~:$<>&" else c for c in text)


def notice(text: str) -> None:
    st.warning(plain(text))


def note(text: str) -> None:
    """A small line of explanation; unlike a caption, it keeps the contrast of normal text."""
    st.markdown(f":small[{text}]")
