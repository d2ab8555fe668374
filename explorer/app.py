"""`streamlit run explorer/app.py [-- --checkpoints DIR --runs DIR]`: the frame of every page."""

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

# `streamlit run` puts only this file's folder on the import path
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

# One thread a sentence, read when torch is first imported: docs/decisions/0007
os.environ.setdefault("OMP_NUM_THREADS", "1")

import streamlit as st  # noqa: E402

from core.system.memory import return_freed_memory  # noqa: E402
from explorer.app_pages.registry import MENU, PAGES, url_path  # noqa: E402
from explorer.choice import session  # noqa: E402
from explorer.engine.checkpoints import show_beside_bundled  # noqa: E402
from explorer.engine.ending import end_without_computing  # noqa: E402
from explorer.engine.heavy import visit  # noqa: E402
from explorer.engine.trainings import RUNS  # noqa: E402
from explorer.frame.messages import telling_damage  # noqa: E402
from explorer.frame.page_scripts import run_page_scripts  # noqa: E402


def take_options() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--checkpoints",
        help="a folder of checkpoints of your own, or a model's name on Hugging Face; shown first",
    )
    parser.add_argument("--runs", help="a folder of running trainings, instead of runs")
    options, _ = parser.parse_known_args()
    if options.checkpoints:
        try:
            show_beside_bundled(options.checkpoints)
        except ValueError as error:
            st.error(f"{error}.")
            st.stop()
    if options.runs:
        os.environ[RUNS] = options.runs


def know_every_field() -> None:
    """Import the link fields of every page, so that a link may hold those of any page."""
    pages = (f"explorer.app_pages.{url_path(script)}" for script in PAGES.values())
    for room in ("explorer.head", *pages):
        if find_spec(f"{room}.fields"):
            import_module(f"{room}.fields")


take_options()
end_without_computing()
return_freed_memory()
know_every_field()
st.set_page_config(page_title="Attention Explorer", page_icon="🔎", layout="wide")
run_page_scripts()
st.logo(str(Path(__file__).with_name("logo.svg")), size="large")
chosen = st.navigation(
    {
        question: [
            st.Page(file, title=title, url_path=url_path(file), default=title == "Translate")
            for title, file in pages.items()
        ]
        for question, pages in MENU.items()
    },
    position="top",
)
session.begin()  # before any waiting: a run that is given up has read its link
with visit(), telling_damage():
    chosen.run()
