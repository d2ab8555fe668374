"""An empty Streamlit page with this app's menu: what axe finds here is Streamlit's, not ours."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

import streamlit as st  # noqa: E402

from explorer.app_pages.registry import MENU, url_path  # noqa: E402


def empty() -> None:
    st.header("Empty")


st.set_page_config(layout="wide")
st.logo(str(Path(ROOT) / "explorer" / "logo.svg"), size="large")
st.navigation(
    {
        question: [
            st.Page(empty, title=title, url_path=url_path(file), default=title == "Translate")
            for title, file in pages.items()
        ]
        for question, pages in MENU.items()
    },
    position="top",
).run()
