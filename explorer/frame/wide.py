"""A frame that scrolls wide pictures sideways on a narrow screen."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st


@contextmanager
def wide(key: str, least_px: int) -> Iterator[None]:
    """A frame that scrolls a picture on a narrower screen, instead of shrinking it.

    A hint then says so. The frame can take the focus, so that the arrow keys scroll it.
    """
    frame = f".st-key-{key}"
    st.html(
        f"<style>{frame} {{overflow-x: auto; container-type: inline-size}}"
        f"{frame} [data-testid=stElementContainer] {{min-width: {least_px}px}}"
        f"{frame} .hint {{display: none; font-size: 0.875rem}}"
        f"@container (max-width: {least_px - 1}px) {{{frame} .hint {{display: block}}}}</style>"
    )
    with st.container(key=key):
        st.html('<div class="hint" tabindex="0">Scroll sideways for the rest →</div>')
        yield
