"""A guided tour: nine stops, each a page as a link, with two sentences above it.

A teacher copies links from it; `tour=3` in a link is stop 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from explorer.choice.url_fields import UrlFields, whole


@dataclass(frozen=True, slots=True)
class TourFields(UrlFields):
    """Where the reader is on the tour, from 1; None: not on it."""

    tour: Annotated[int | None, whole(1)] = None


@dataclass(frozen=True, slots=True)
class Stop:
    """A page in a state worth seeing."""

    title: str
    says: str
    page: str
    """Its path in the address bar."""
    query: Mapping[str, str]


FIRST = "The woman who lives next door has three dogs."
STOPS = (
    Stop(
        "One word came from there",
        "Each ribbon joins a word of the translation with the source word that it came from. Press Play: "
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
        "Switch a head off with a click and read the translation again. Most heads are hardly missed; a "
        "few change the sentence.",
        "ablate",
        {"text": FIRST, "swept": "1"},
    ),
    Stop(
        "Where each word stands",
        "Attention alone does not know the order of words: sine waves added to the embeddings tell it. Move "
        "them, and see what the translation becomes.",
        "positions",
        {"text": FIRST, "positions": "shift", "amount": "5"},
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
        {"model": "table3/base", "text": "A man in a red jacket is riding a bicycle down the street."},
    ),
)
