"""Scripts and styles of the whole window, for what Streamlit cannot do by itself."""

from pathlib import Path

import streamlit as st

from explorer.figures.standalone import BUTTONS_STYLE, picture_scripts

HERE = Path(__file__).parent
SCRIPTS = (HERE / "browser_history.js", HERE / "linked_charts.js")
STYLES = (HERE / "linked_charts.css", BUTTONS_STYLE)


def run_page_scripts() -> None:
    """Run the scripts, once a window, whichever page is opened first.

    Streamlit drops a script in which something looks like a tag, so they hold no `<` before a letter.

    - `browser_history.js`: one press of Back or Forward in the browser undoes or redoes one change.
      Streamlit writes the address of a page that is opened from the menu, and the link that the
      server sets becomes a second entry.
    - `linked_charts.js`: heat maps take part in the page's one hover.
    - those in `figures/saving`: every picture is saved as SVG or PNG.
    """
    styles = "".join(file.read_text("utf-8") for file in STYLES)
    scripts = [*(file.read_text("utf-8") for file in SCRIPTS), *picture_scripts()]
    tags = "".join(f"<script>{script}</script>" for script in scripts)
    st.html(
        "<style>.stElementContainer:has(> .stHtml > :is(.script, .picture-caption)) {display: none}"
        f'{styles}</style><span class="script"></span>{tags}',
        unsafe_allow_javascript=True,
    )
