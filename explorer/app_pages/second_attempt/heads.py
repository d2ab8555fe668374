"""What each head does with the draft: all heads by a measure, and one enlarged."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from core.analysis.heads.drafts import copying, draft_mass, kept_steps, repairing
from core.analysis.trace.trace import Trace
from explorer.app_pages.second_attempt.attempts import Attempts
from explorer.app_pages.second_attempt.fields import SecondFields, Squares
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.components.overview import component as overview
from explorer.components.overview.component import TILES_NOTE, Tint
from explorer.figures.axes import largest
from explorer.figures.head import least_width_px, token_label
from explorer.figures.split import split_figure
from explorer.figures.standalone import Mounted, Picture
from explorer.frame.chart import draw_chart
from explorer.frame.messages import note
from explorer.frame.pick import pick
from explorer.frame.wide import wide
from explorer.head.matrix import column_labels, row_labels, row_title

SQUARES: Mapping[Squares, str] = {
    "weights": "Weights",
    "mass": "Draft mass",
    "copying": "Copying",
    "repairing": "Repairing",
}
SQUARES_HELP = """
- Draft mass: how much of a head’s weight is on the draft, mean over steps.
- Copying: the weight on the draft’s piece that a step keeps, mean over these steps.
- Repairing: the weight on the source where the draft is changed, minus that where it is kept.

Weights alone do not show that the draft is used: see below.
"""
NOTES: Mapping[Squares, str] = {
    "weights": TILES_NOTE,
    "mass": "The mean share of a head’s weight on the draft. Blue, low; yellow, high.",
    "copying": "The mean weight on the piece of the draft that a step keeps. Blue, low; yellow, high.",
    "repairing": (
        "Blue: the head attends to the source more where the draft is changed than where it is kept. Red: "
        "less. 0 if nothing was changed, or everything."
    ),
}
OVERVIEW, FIGURE = "draft_heads", "draft_head"
ATTENTION = "What the second attempt attends to"


def draw_heads(shown: PageContext, pair: Attempts) -> None:
    st.subheader(ATTENTION, anchor=False)
    squares = shown.of(SecondFields).squares
    left, right = st.columns([2, 3], gap="large")
    with left:
        pick("Squares show", SQUARES, help=SQUARES_HELP, **session.bind(SecondFields, "squares"))
        overview.overview(
            pair.second.weights["cross"],
            shown.place,
            key=OVERVIEW,
            on_choice=_take_head,
            tint=tint_of(pair.second, squares),
            of="Second attempt",
        )
        note(f"{NOTES[squares]} Click one to see it large.")
    with right:
        st.markdown(f"**{head_title(shown)}**")
        with wide("draft-head", least_width_px(len(pair.second.source.pieces))):
            draw_chart(head_figure(shown, pair.second), alt=head_title(shown), key=FIGURE)
        note(
            "Left of the line is the source, right of it the draft. ✎ marks steps that change the draft. The "
            "bars are each row’s weight on the draft, without its separator and its </s>."
        )


def _take_head() -> None:
    chosen = overview.chosen_head(OVERVIEW)
    if chosen:
        session.change(View, kind="cross", layer=chosen[0], head=chosen[1])


def tint_of(second: Trace, squares: Squares) -> Tint | None:
    """The measure that heads are coloured by; None where squares show weights."""
    if squares == "mass":
        return Tint("Draft mass", draft_mass(second).mean(-1))
    if squares == "copying":
        return Tint("Copying", copying(second))
    if squares == "repairing":
        values = repairing(second)
        return Tint("Repairing", values, limit=largest(values))
    return None


def head_title(shown: PageContext) -> str:
    return f"{shown.place.name}, second attempt"


def head_figure(shown: PageContext, second: Trace) -> go.Figure:
    """The chosen head of the second attempt, source and draft side by side."""
    place, start = shown.place, second.draft_start
    assert start
    return split_figure(
        place.of(second.weights),
        draft_mass(second)[place.layer, place.head],
        start,
        rows=[
            token_label(label) + (" ✎" * (not is_kept))
            for label, is_kept in zip(row_labels(second, "cross"), kept_steps(second), strict=True)
        ],
        columns=[token_label(label) for label in column_labels(second, "cross")],
        row_title=row_title("cross"),
        column_title="source | draft",
        bar_title="draft mass",
        bar_says="of this row’s weight on the draft",
    )


def head_pictures(shown: PageContext, pair: Attempts) -> list[Picture]:
    """All heads and the chosen one, for a file."""
    tint: dict[str, Any] = {"tint": tint_of(pair.second, shown.of(SecondFields).squares)}
    payload = overview.payload(pair.second.weights["cross"], shown.place, **tint)
    said = f"{pair.draft.text} → {pair.second.target.text}"
    return [
        Picture(ATTENTION, Mounted(overview.SCRIPT, overview.STYLE, payload), said),
        Picture(head_title(shown), head_figure(shown, pair.second), said),
    ]
