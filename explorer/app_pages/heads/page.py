"""All heads of one kind of attention at once, and one of them enlarged."""

import streamlit as st

from core.analysis.heads.best import heads_for_step
from core.analysis.heads.measures import MEASURES
from explorer.app_pages.heads.pictures import head_pictures, heads_svg
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.components.overview.component import TILES_NOTE, Tint, chosen_head, overview
from explorer.engine.analyses import head_effects
from explorer.figures.axes import largest, signed
from explorer.frame import sentence_page
from explorer.frame.downloads import Pictures, save_svg
from explorer.frame.messages import note, plain
from explorer.head import one_head
from explorer.head.controls import choose_kind
from explorer.head.fields import EFFECT, NO_MEASURE, TINTS, HeadDrawing
from explorer.head.matrix import column_labels, row_labels

OVERVIEW = "overview"
N_RANKED = 3
UNITS = {"pieces": "Subword pieces", "words": "Whole words"}
DRAWINGS = {"matrix": "Heat map", "lines": "Lines between two columns"}
VALUES = {"weights": "Weights", "norms": "Norm-weighted", "rollout": "Rollout"}
VALUES_HELP = (
    "Weights: the softmax of Equation 1. Norm-weighted: ‖α·v·W^O‖, how much a head really brought "
    "(Kobayashi et al. 2020). Rollout: which source pieces lie behind a row after all layers up to "
    "this one, mean over heads (Abnar & Zuidema 2020)."
)
TINT_NAMES = {
    NO_MEASURE: "nothing",
    **{name: measure.title for name, measure in MEASURES.items()},
    EFFECT: "Change of log-probability when switched off",
}


def draw(shown: PageContext) -> Pictures:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_kind()
        st.radio(
            "Numbers",
            list(VALUES),
            format_func=VALUES.__getitem__,
            horizontal=True,
            help=VALUES_HELP,
            **session.bind(HeadDrawing, "values"),
        )
        with st.popover("Show"):
            _settings()
    left, right = st.columns([2, 3], gap="large")
    with left:
        _all_heads(shown)
    with right:
        _one_head(shown)
    return lambda: head_pictures(shown)


def _settings() -> None:
    st.radio(
        "Drawing",
        list(DRAWINGS),
        format_func=DRAWINGS.__getitem__,
        **session.bind(HeadDrawing, "drawing"),
    )
    if session.choice().of(HeadDrawing).drawing == "lines":
        st.toggle("All heads of the layer together", **session.bind(HeadDrawing, "together"))
    st.radio(
        "Units", list(UNITS), format_func=UNITS.__getitem__, **session.bind(HeadDrawing, "units")
    )
    st.toggle(
        "Special tokens",
        help="`<s>` and `</s>` often catch what a head has no use for; hidden, their share is told.",
        **session.bind(HeadDrawing, "specials"),
    )
    st.slider(
        "Leave out numbers below", 0.0, 1.0, step=0.05, **session.bind(HeadDrawing, "threshold")
    )


def _all_heads(shown: PageContext) -> None:
    st.subheader("All heads", anchor=False)
    kind = shown.view.kind
    tint = _measure(shown)
    overview(
        shown.trace.weights[kind],
        shown.place,
        key=OVERVIEW,
        on_choice=_take_head,
        tint=tint,
    )
    shows = (
        ""
        if shown.of(HeadDrawing).values == "weights"
        else " They show weights, whatever is chosen under Numbers."
    )
    note(
        f"{TILES_NOTE}{shows} Point at one to enlarge it; click, or arrow keys and Enter, to open it."
    )
    save_svg("All heads as SVG", lambda: heads_svg(shown), f"{kind}-heads.svg")
    if kind == "cross":
        _ranking(shown)


def _measure(shown: PageContext) -> Tint | None:
    """The measure that heads are tinted by, if one is chosen."""
    chosen = shown.of(HeadDrawing).measure or NO_MEASURE
    st.selectbox(
        "Tint heads by",
        TINTS,
        format_func=TINT_NAMES.__getitem__,
        **session.bind(HeadDrawing, "measure", chosen),
    )
    if chosen == NO_MEASURE:
        return None
    kind = shown.view.kind
    if chosen == EFFECT:
        effects = head_effects(shown.folder, shown.choice.run, shown.trace)
        limit = largest(*effects.values())
        note(
            "What the log-probability of this translation, in nats, changes by when the head's "
            "output is set to zero. Red: it falls, the head was needed; blue: it rises, the head "
            f"was in the way; white: no change. Colours end at {signed(-limit)} and {signed(limit)}, "
            "the largest change by any head of the three kinds; a square-root ramp keeps small "
            "changes apart."
        )
        return Tint("Change when switched off, nats", effects[kind], limit=limit)
    measure = MEASURES[chosen]
    note(
        f"{measure.title}, in {measure.units[kind]}. Low (blue): {measure.low}; high (yellow): {measure.high}."
    )
    return Tint(measure.title, measure.function(shown.trace, kind, None))


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
    for found in heads_for_step(trace, shown.best, shown.step)[:N_RANKED]:
        ranked, place = found.ranked, found.ranked.place
        late = "" if found.step == shown.step else f", in its row of step {found.step}"
        st.button(
            f"{place.in_words.capitalize()}: {ranked.weight:.0%} on {plain(pieces[ranked.piece])}{late}",
            key=f"ranked-{place.short}",
            type="tertiary",
            on_click=session.change,
            args=(View,),
            kwargs={
                "layer": place.layer_number,
                "head": place.head_number,
                "step": found.step,
            },
        )
    if shown.best.is_late:
        note(_late_note(shown))


def _late_note(shown: PageContext) -> str:
    """A note on a head whose rows are one step late in the ranking."""
    best, n_steps = shown.best, len(shown.trace.steps)
    who = f"{best.place.in_words.capitalize()} looks at a word’s source one step late"
    if shown.step < n_steps:
        return f"{who}: the list takes its row of step {shown.step + 1}, which consumes this word."
    return f"{who}: no step consumes what the last one wrote, so it is not in this list."


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
    save_svg(f"{drawn} as SVG", lambda: one_head.svg(shown), name)


sentence_page.show_page(
    "Which head looks where?",
    "Each small square is one head on your sentence, layers downwards. Pick one to read its "
    "weights word by word.",
    draw,
    fields=(HeadDrawing,),
)
