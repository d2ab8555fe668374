"""All heads of one kind of attention at once, and one of them enlarged."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.analysis.heads.best import heads_for_step
from core.analysis.heads.measures import MEASURES
from explorer.app_pages.heads.pictures import head_pictures, heads_svg
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext, Settled, first_place, settled_on
from explorer.components.overview.component import TILES_NOTE, Tint, chosen_head, overview
from explorer.engine.analyses import head_effects
from explorer.figures.axes import largest, signed
from explorer.frame import sentence_page
from explorer.frame.caption import caption_lines
from explorer.frame.downloads import Pictures, save_svg
from explorer.frame.messages import note, plain
from explorer.frame.pick import pick
from explorer.head import one_head
from explorer.head.controls import choose_kind
from explorer.head.fields import EFFECT, NO_MEASURE, TINTS, HeadDrawing
from explorer.head.matrix import column_labels, plain_matrix, row_labels

OVERVIEW = "overview"
RANKED_BY = (
    "Ranked by how much of its weight a head puts on one piece of text: a sharp look, which need not be "
    "the word’s source."
)
N_RANKED = 3
UNITS = {"pieces": "Pieces", "words": "Whole words"}
DRAWINGS = {"matrix": "Heat map", "lines": "Lines"}
VALUES = {"weights": "Weights", "norms": "Norm-weighted", "rollout": "Rollout"}
VALUES_HELP = """
- Weights: the softmax of Equation 1.
- Norm-weighted: ‖α·v·W^O‖, the length of the vector that a head really adds (Kobayashi et al. 2020).
- Rollout: which source pieces lie behind a row after all layers up to this one, mean over heads
  (Abnar & Zuidema 2020).
"""
TINT_NAMES = {
    NO_MEASURE: "their weights",
    **{name: measure.title for name, measure in MEASURES.items()},
    EFFECT: "Change of log-probability when switched off",
}


def settle(shown: PageContext) -> Settled:
    """Rollout opens on the last layer: in the first, rows are nearly alike."""
    usual = first_place(shown)
    if shown.of(HeadDrawing).values == "rollout":
        usual = dataclasses.replace(usual, layer=shown.shape.n_layers)
    return settled_on(shown, usual)


def draw(shown: PageContext) -> Pictures:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_kind()
        bound = session.bind(HeadDrawing, "values")
        pick(
            "Values",
            VALUES,
            help=VALUES_HELP,
            **{**bound, "on_change": lambda: _take_values(bound)},
        )
        pick("Picture", DRAWINGS, **session.bind(HeadDrawing, "drawing"))
        with st.popover("View options"):
            _settings()
    left, right = st.columns([2, 3], gap="large")
    with left:
        _all_heads(shown)
    with right:
        _one_head(shown)
    return lambda: head_pictures(shown)


def _take_values(bound: Mapping[str, Any]) -> None:
    """Show other values; those of another place than before open on their own usual layer."""
    before = session.choice().of(HeadDrawing).values
    bound["on_change"]()
    if "rollout" in (before, session.choice().of(HeadDrawing).values):
        session.change(View, layer=None, head=None)


def _settings() -> None:
    if session.choice().of(HeadDrawing).drawing == "lines":
        st.toggle("All heads of the layer together", **session.bind(HeadDrawing, "together"))
    pick("Rows and columns", UNITS, **session.bind(HeadDrawing, "units"))
    st.toggle(
        "Special tokens",
        help="`</s>` and the start token often get weight that a head has no use for. Hidden, their share is "
        "still told.",
        **session.bind(HeadDrawing, "specials"),
    )
    st.slider(
        "Leave out weights below", 0.0, 1.0, step=0.05, **session.bind(HeadDrawing, "threshold")
    )


def _all_heads(shown: PageContext) -> None:
    kind, drawing = shown.view.kind, shown.of(HeadDrawing)
    st.subheader("All heads", anchor=False)
    tiles = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tint = _measure(shown)
        caption = caption_lines(shown)
        save_svg("All heads as SVG", lambda: heads_svg(shown, caption), f"{kind}-heads.svg")
    with tiles:
        overview(
            shown.trace.weights[kind],
            shown.place,
            key=OVERVIEW,
            on_choice=_take_head,
            tint=tint,
            hover=plain_matrix(shown.trace, shown.place).hover.to_json(),
        )
        shows = "" if drawing.values == "weights" or tint else " They show weights."
        note(_tint_note(shown, tint) if tint else f"{TILES_NOTE}{shows} Click one to see it large.")
    if kind == "cross":
        _ranking(shown)


def _measure(shown: PageContext) -> Tint | None:
    """The measure that heads are coloured by, if one is chosen."""
    chosen = shown.of(HeadDrawing).measure or NO_MEASURE
    st.selectbox(
        "Squares show",
        TINTS,
        format_func=TINT_NAMES.__getitem__,
        width=260,
        **session.bind(HeadDrawing, "measure", chosen),
    )
    if chosen == NO_MEASURE:
        return None
    kind = shown.view.kind
    if chosen == EFFECT:
        effects = head_effects(shown.folder, shown.choice.run, shown.trace)
        limit = largest(*effects.values())
        return Tint("Change when switched off, nats", effects[kind], limit=limit)
    measure = MEASURES[chosen]
    return Tint(measure.title, measure.function(shown.trace, kind, None))


def _tint_note(shown: PageContext, tint: Tint) -> str:
    """What the number in a square is, and what its colour says."""
    if tint.limit is not None:
        return (
            "The change of this translation’s log-probability, in nats, when the head’s output is set "
            "to zero. Red: it falls, the head was needed. Blue: it rises, the head was in the way. "
            f"Colours end at {signed(-tint.limit)} and {signed(tint.limit)}, the largest change by any "
            "head of the three kinds (square-root scale)."
        )
    measure = MEASURES[str(shown.of(HeadDrawing).measure)]
    unit = measure.units[shown.view.kind]
    return f"{measure.title}, in {unit}. Blue, low: {measure.low}. Yellow, high: {measure.high}."


def _ranking(shown: PageContext) -> None:
    """Rank the heads for the word of one step."""
    trace = shown.trace
    steps, pieces = row_labels(trace, "cross"), column_labels(trace, "cross")
    st.selectbox(
        "Which head should I look at for this step?",
        range(1, len(steps) + 1),
        format_func=lambda step: f"{step}: {steps[step - 1]}",
        help="Heads that point at one piece of text come first (confidence, Voita et al. 2019).",
        **session.bind(View, "step", shown.step),
    )
    listed = heads_for_step(trace, shown.best, shown.step)[:N_RANKED]
    with st.container(gap="xsmall"):
        for found in listed:
            ranked, place = found.ranked, found.ranked.place
            late = "" if found.step == shown.step else f", in its row of step {found.step}"
            st.button(
                f"{place.in_words.capitalize()}: {ranked.weight:.0%} on {plain(pieces[ranked.piece])}{late}",
                key=f"ranked-{place.short}",
                on_click=session.change,
                args=(View,),
                kwargs={
                    "layer": place.layer_number,
                    "head": place.head_number,
                    "step": found.step,
                },
            )
    note(RANKED_BY)
    is_last = shown.step == len(trace.steps)
    if shown.best.is_late and (is_last or any(f.ranked.place == shown.best.place for f in listed)):
        note(_late_note(shown))


def _late_note(shown: PageContext) -> str:
    """A note on a head whose rows are one step late in the ranking."""
    best, n_steps = shown.best, len(shown.trace.steps)
    who = f"{best.place.in_words.capitalize()} looks at a word’s source one step late"
    if shown.step < n_steps:
        return f"{who}: the list takes its row of step {shown.step + 1}, which reads this word."
    return f"{who}: no step reads what the last one wrote, so it is not in this list."


def _take_head() -> None:
    chosen = chosen_head(OVERVIEW)
    if chosen:
        session.change(View, layer=chosen[0], head=chosen[1])


def _one_head(shown: PageContext) -> None:
    st.subheader(one_head.title(shown), anchor=False)
    if shown.of(HeadDrawing).drawing == "lines":
        one_head.draw_lines(shown)
    else:
        one_head.draw_matrix(shown)
    drawn = (
        "Rollout"
        if shown.of(HeadDrawing).values == "rollout"
        else f"Head {shown.place.head_number}"
    )
    name = (
        f"{shown.view.kind}-layer-{shown.place.layer_number}-{drawn.lower().replace(' ', '-')}.svg"
    )
    caption = caption_lines(shown)
    save_svg(f"{drawn} as SVG", lambda: one_head.svg(shown, caption), name)


sentence_page.show_page(
    "Which head looks where?",
    "Each small square is one head on your sentence, layers downwards. Click one to read its "
    "weights word by word.",
    draw,
    settle,
    terms=("head", "attention", "query", "key", "softmax", "sink"),
    fields=(HeadDrawing,),
)
