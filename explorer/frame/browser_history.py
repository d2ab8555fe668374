"""The browser's history: one entry for each change of what is on show."""

from pathlib import Path

import streamlit as st

SCRIPT = Path(__file__).with_suffix(".js")


def one_entry_a_change() -> None:
    """Make one press of Back or Forward in the browser undo or redo one change.

    Streamlit cannot do this: it writes the address of a page that is opened from the menu, and the
    link that the server sets becomes a second entry.
    """
    script = SCRIPT.read_text("utf-8")
    st.html(
        "<style>.stElementContainer:has(> .stHtml > .script) {display: none}</style>"
        f'<span class="script"></span><script>{script}</script>',
        unsafe_allow_javascript=True,
    )
