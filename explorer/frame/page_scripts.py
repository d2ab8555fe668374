"""Scripts and styles of the whole window, for what Streamlit cannot do by itself."""

from pathlib import Path

import streamlit as st

from explorer.figures.standalone import BUTTONS_STYLE, PICTURE_SCRIPTS

HERE = Path(__file__).parent
SCRIPTS = (HERE / "browser_history.js", HERE / "linked_charts.js", *PICTURE_SCRIPTS)
STYLES = (HERE / "linked_charts.css", BUTTONS_STYLE)


def run_page_scripts() -> None:
    """Run the scripts, once a window, whichever page is opened first.

    Streamlit drops a script in which something looks like a tag, so they hold no `<` before a letter.

    - `browser_history.js`: one press of Back or Forward in the browser undoes or redoes one change.
      Streamlit writes the address of a page that is opened from the menu, and the link that the
      server sets becomes a second entry.
    - `linked_charts.js`: heat maps take part in the page's one hover.
    - `picture.js` and `chart_buttons.js`, of `figures`: every picture is saved as SVG or PNG.
    """
    styles = "".join(file.read_text("utf-8") for file in STYLES)
    scripts = "".join(f"<script>{file.read_text('utf-8')}</script>" for file in SCRIPTS)
    st.html(
        "<style>.stElementContainer:has(> .stHtml > :is(.script, .picture-caption)) {display: none}"
        f'{styles}</style><span class="script"></span>{scripts}',
        unsafe_allow_javascript=True,
    )
