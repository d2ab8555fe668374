"""A guided tour: ten stops, each a page as a link, with two sentences above it.

A teacher copies links from it; `tour=3` in a link is stop 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import streamlit as st

from explorer.choice import session
from explorer.choice.url_fields import UrlFields, whole
from explorer.frame.messages import notice


@dataclass(frozen=True, slots=True)
class Stop:
    """A page in a state worth seeing."""

    title: str
    says: str
    page: str
    """Its path in the address bar."""
    query: Mapping[str, str]


_BEFORE = "before_tour"
FIRST = "The woman who lives next door has three dogs."
STOPS = (
    Stop(
        "Where a word came from",
        "Ribbons join each piece of the translation with the source words that it came from. Press Play: "
        "the source is encoded once, then the words are written one by one.",
        "translate",
        {"text": FIRST},
    ),
    Stop(
        "The model hesitates",
        "Under each piece stand the five most probable ones of its step. Click another one: the model goes "
        "on from there, and the rest of the sentence follows.",
        "translate",
        {"text": FIRST, "step": "7"},
    ),
    Stop(
        "Every head at once",
        "Each small square is one head of cross-attention, from the translation to the source. The bright "
        "diagonals are heads that find, for each word, where it came from.",
        "heads",
        {"text": FIRST, "kind": "cross"},
    ),
    Stop(
        "Source words that attend to source words",
        "In the encoder every source word attends to all of them. In this head most words look at the "
        "one before them; click other squares to find heads that do something else.",
        "heads",
        {"text": FIRST, "kind": "encoder", "layer": "3", "head": "5"},
    ),
    Stop(
        "Looking only backwards",
        "In the decoder, a word may attend to itself and to words before it, never to later ones: they are "
        "not written yet. That is the dark triangle in every square.",
        "heads",
        {"text": FIRST, "kind": "decoder"},
    ),
    Stop(
        "One row, number by number",
        "A query meets every key; the products become weights, and the weights mix the values. This is "
        "Equation 1 of the paper with the real numbers of one head.",
        "inside",
        {"text": FIRST},
    ),
    Stop(
        "What is a head worth?",
        "One of 96 heads is switched off, and the window is no longer closed but unlocked: “schließen” "
        "became “aufschließen”, and “please” (“bitte”) is gone. Click other heads: most are hardly missed.",
        "ablate",
        {"text": "Could you please close the window?", "ablation": "cross.L4H8=0"},
    ),
    Stop(
        "Where each word stands",
        "Attention alone does not know the order of words: waves added to the embeddings tell it. Here "
        "all are moved by five places, and nothing is left of the translation.",
        "positions",
        {"text": FIRST, "positions": "shift", "k": "5"},
    ),
    Stop(
        "What if it were built otherwise?",
        "Table 3 of the paper trains the model again with one thing changed: fewer heads, fewer layers, no "
        "dropout. The same rows are trained here, at a size for a small machine.",
        "table3",
        {"text": "A man in a red jacket is riding a bicycle down the street."},
    ),
    Stop(
        "How it learnt",
        "Early in training the model writes one word again and again; then words appear, then their order. "
        "Move the slider through six moments of one training.",
        "training",
        {
            "model": "table3/base",
            "text": "A man in a red jacket is riding a bicycle down the street.",
        },
    ),
)


@dataclass(frozen=True, slots=True)
class TourFields(UrlFields):
    """Where the reader is on the tour, from 1; None: not on it."""

    tour: Annotated[int | None, whole(1, len(STOPS))] = None


def start_tour() -> None:
    """Draw the button that opens the first stop."""
    if st.button("Tour", icon=":material/tour:", help="Ten pictures, in a minute or two"):
        st.session_state[_BEFORE] = session.page_folder(), session.choice().to_query()
        _open(1)


def draw_tour(page: str) -> bool:
    """Draw the stop that the reader is at, with what leads on and back.

    Args:
        page: the path of the page on screen.

    Returns:
        Whether the stop is about this page.
    """
    wrong: list[str] = []
    number = session.choice().of(TourFields, wrong).tour
    for text in wrong if session.is_from_link() else ():
        notice(f"{text} The usual page is shown instead.")
    if number is None:
        return False
    stop = STOPS[number - 1]
    is_here = stop.page == page
    with st.container(key="tour", horizontal=True, vertical_alignment="center"):
        says = stop.says if is_here else "You left the tour here; go back to this stop, or end it."
        end = "" if stop.title.endswith("?") else "."
        st.markdown(f"**{number} of {len(STOPS)} · {stop.title}{end}** {says}")
        _step("Back", number - 1)
        if not is_here:
            _step("This stop", number)
        elif number < len(STOPS):
            _step("Next", number + 1, type="primary")
        elif st.button("Finish", key="tour_finish", type="primary"):
            _finish()
        st.button(
            "End",
            key="tour_end",
            on_click=session.change,
            args=(TourFields,),
            kwargs={"tour": None},
        )
    return is_here


def _step(label: str, number: int, **look: str) -> None:
    is_there = 1 <= number <= len(STOPS)
    if st.button(label, key=f"tour_{label}", disabled=not is_there, **look):  # type: ignore[arg-type]
        _open(number)


def _finish() -> None:
    """Go back to where the reader was before the tour, or to the first page."""
    page, query = st.session_state.pop(_BEFORE, ("translate", {}))
    session.open_link(query)
    st.switch_page(f"app_pages/{page}/page.py")


def _open(number: int) -> None:
    """Open the page of a stop in its state."""
    stop = STOPS[number - 1]
    session.open_link({**stop.query, "tour": str(number)})
    st.switch_page(f"app_pages/{stop.page}/page.py")
