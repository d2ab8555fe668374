"""Scripts and styles of the whole window, for what Streamlit cannot do by itself."""

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
CHARTS_STYLE = HERE / "linked_charts.css"


def run_page_scripts() -> None:
    """Run the scripts, once a window, whichever page is opened first.

    Streamlit drops a script in which something looks like a tag, so they hold no `<` before a letter.

    - `browser_history.js`: one press of Back or Forward in the browser undoes or redoes one change.
      Streamlit writes the address of a page that is opened from the menu, and the link that the
      server sets becomes a second entry.
    - `linked_charts.js`: heat maps take part in the page's one hover.
    """
    history, charts = (HERE / name for name in ("browser_history.js", "linked_charts.js"))
    st.html(
        "<style>.stElementContainer:has(> .stHtml > .script) {display: none}"
        f"{CHARTS_STYLE.read_text('utf-8')}</style>"
        f'<span class="script"></span><script>{history.read_text("utf-8")}</script>'
        f"<script>{charts.read_text('utf-8')}</script>",
        unsafe_allow_javascript=True,
    )
