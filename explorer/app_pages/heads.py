"""All heads of one kind of attention at once, and one of them enlarged."""

import html
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer import engine, frame, session
from explorer.components.overview import Tint, overview
from explorer.components.overview import choice as overview_choice
from explorer.figures.head import (
    Scale,
    head_figure,
    piece_label,
    step_labels,
    strongest_links,
    token_label,
)
from explorer.frame import Shown, note, plain
from explorer.heads import KINDS, HeadMatrix, head_matrix

OVERVIEW = "overview"
N_RANKED = 3
UNITS = {"pieces": "Subword pieces", "words": "Whole words"}
VALUES = {"weights": "Weights", "norms": "Norm-weighted", "rollout": "Rollout"}
VALUES_HELP = (
    "Weights: the softmax of Equation 1. Norm-weighted: ‖α·v·W^O‖, how much a head really brought "
    "(Kobayashi et al. 2020). Rollout: which source pieces lie behind a row after all layers up to "
    "this one, mean over heads (Abnar & Zuidema 2020)."
)
VALUE_NOTES = {
    "weights": "With nothing left out, every row sums to 1; the colour scale is the same for all heads.",
    "norms": "Norms of weighted, transformed values; the scale reaches to this layer's largest.",
    "rollout": "Mean over heads, all layers up to this one.",
}
NO_MEASURE, EFFECT = "none", "effect"
TINTS = {
    NO_MEASURE: "nothing",
    **{name: measure.title for name, measure in engine.MEASURES.items()},
    EFFECT: "Change of log-probability when switched off",
}


def draw(shown: Shown) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.radio(
            "Attention",
            list(KINDS),
            format_func=KINDS.__getitem__,
            horizontal=True,
            help="Section 3.2.3: the three ways in which the paper uses attention",
            **session.bind_view("kind"),
        )
        st.radio(
            "Numbers",
            list(VALUES),
            format_func=VALUES.__getitem__,
            horizontal=True,
            help=VALUES_HELP,
            **session.bind_view("values"),
        )
        with st.popover("Show"):
            _settings()
    left, right = st.columns([2, 3], gap="large")
    with left:
        _all_heads(shown)
    with right:
        _one_head(shown)


def _settings() -> None:
    st.radio("Units", list(UNITS), format_func=UNITS.__getitem__, **session.bind_view("units"))
    st.toggle(
        "Special tokens",
        help="`<s>` and `</s>` often catch what a head has no use for; hidden, their share is told.",
        **session.bind_view("specials"),
    )
    st.slider("Leave out numbers below", 0.0, 1.0, step=0.05, **session.bind_view("threshold"))


def _all_heads(shown: Shown) -> None:
    st.subheader("All heads", anchor=False)
    kind = shown.view.kind
    tint = _measure(shown)
    overview(
        shown.trace.weights[kind],
        layer=shown.layer,
        head=shown.head,
        key=OVERVIEW,
        on_choice=_take_head,
        tint=tint,
    )
    note(
        "Rows of a square ask, columns are looked at, bright is a large weight (square-root "
        "colours). Point at one to enlarge it; click, or arrow keys and Enter, to open it."
    )
    if kind == "cross":
        _ranking(shown)


def _measure(shown: Shown) -> Tint | None:
    """The measure that heads are tinted by, if one is chosen."""
    wanted = shown.view.measure
    chosen = wanted if wanted in TINTS else NO_MEASURE
    st.selectbox(
        "Tint heads by",
        list(TINTS),
        format_func=TINTS.__getitem__,
        **session.bind_view("measure", chosen),
    )
    assert chosen
    if chosen == NO_MEASURE:
        return None
    kind = shown.view.kind
    if chosen == EFFECT:
        effects = engine.head_effects(shown.folder, shown.choice.run, shown.trace)
        note(
            "What the log-probability of this translation, in nats, changes by when the head's "
            "output is set to zero: low (blue), the head was needed; high (yellow), it was in the way."
        )
        return Tint("Change when switched off, nats", effects[kind])
    measure = engine.MEASURES[chosen]
    note(
        f"{measure.title}, in {measure.units[kind]}. Low (blue): {measure.low}; high (yellow): {measure.high}."
    )
    return Tint(measure.title, measure.function(shown.trace, kind, None))


def _ranking(shown: Shown) -> None:
    """Which head to look at for the word of one step."""
    trace = shown.trace
    steps = step_labels([p.name for p in trace.consumed], [p.name for p in trace.target.pieces])
    st.selectbox(
        "Which head should I look at for this step?",
        range(1, len(steps) + 1),
        format_func=lambda step: f"{step}: {html.unescape(steps[step - 1])}",
        help="Heads that point at one piece of text come first (confidence, Voita et al. 2019).",
        **session.bind_view("step", shown.step),
    )
    for ranked in engine.ranked_heads(trace, shown.step - 1)[:N_RANKED]:
        piece = piece_label(trace.source.pieces[ranked.piece].name)
        st.button(
            f"Layer {ranked.layer + 1}, head {ranked.head + 1}: {ranked.weight:.0%} on {plain(piece)}",
            key=f"ranked-{ranked.layer}-{ranked.head}",
            type="tertiary",
            on_click=session.change_view,
            kwargs={"layer": ranked.layer + 1, "head": ranked.head + 1},
        )


def _take_head() -> None:
    chosen = overview_choice(OVERVIEW)
    if chosen:
        session.change_view(layer=chosen[0], head=chosen[1])


def _one_head(shown: Shown) -> None:
    kind, layer, head = shown.view.kind, shown.layer, shown.head
    title = _title(shown)
    st.subheader(title, anchor=False)
    numbers = engine.attention(shown.trace, kind, shown.view.values)[layer - 1]
    values = numbers[min(head, len(numbers)) - 1]  # a rollout has no heads
    matrix = head_matrix(shown.trace, kind, values, shown.view)
    figure = head_figure(
        matrix.values,
        rows=[token_label(label) for label in matrix.rows],
        columns=[token_label(label) for label in matrix.columns],
        row_title=matrix.row_title,
        column_title=matrix.column_title,
        scale=_scale(shown, numbers),
    )
    st.plotly_chart(figure, alt=title, key="head", config={"displaylogo": False})
    note(" ".join([VALUE_NOTES[shown.view.values], *matrix.notes]))
    _table(matrix)


def _title(shown: Shown) -> str:
    view = shown.view
    if view.values == "rollout":
        return f"{KINDS[view.kind]}, rollout up to layer {shown.layer}"
    place = f"{KINDS[view.kind]}, layer {shown.layer}, head {shown.head}"
    if view.kind == "cross" and (shown.layer, shown.head) == (shown.best.layer, shown.best.head):
        place += f" ({shown.best.label})"
    return place if view.values == "weights" else f"{place}, norm-weighted"


def _scale(shown: Shown, numbers: NDArray[np.floating[Any]]) -> Scale:
    if shown.view.values == "norms":
        return Scale("‖α·v·W^O‖", float(numbers.max()))
    return Scale("share") if shown.view.values == "rollout" else Scale()


def _table(matrix: HeadMatrix) -> None:
    with st.expander("The strongest links as a table"):
        st.dataframe(
            strongest_links(matrix.values, rows=matrix.rows, columns=matrix.columns),
            hide_index=True,
            width="stretch",
        )


frame.show_page(
    "Which head looks where?",
    "Each small square is one head on your sentence, layers downwards. Pick one to read its "
    "weights word by word.",
    draw,
)
