"""One sentence at several moments of a model's training: its translations, and its best head."""

import math

import plotly.graph_objects as go
import streamlit as st

from explorer import engine, session
from explorer.figures.diff import diff_html
from explorer.figures.head import head_figure, token_label
from explorer.figures.standalone import Picture
from explorer.frame import Shown, note, plain
from explorer.heads import head_matrix

FINISHED = 0
NO_TIMELINE = (
    "{name} keeps no earlier weights, only its finished ones. A training keeps them with "
    "`python -m core train --keep-steps 100 300 1000 …`; of Table 3 (`python -m core table3`), the "
    "row base has five. Choose such a model above."
)


def draw_timeline(shown: Shown) -> None:
    steps = engine.timeline_steps(shown.folder)
    if not steps:
        st.info(NO_TIMELINE.format(name=plain(shown.folder.name)))
        _draw_head(shown, shown.trace)
        return
    st.select_slider(
        "Weights after this step of the training",
        [*steps, FINISHED],
        format_func=name_of,
        help="Arrow keys go from one to the next.",
        **session.bind_view("snapshot", shown.view.snapshot),
    )
    st.toggle(
        "The same rows at every step: the finished model's translation",
        help="Off: each step's own translation, which early ones repeat or break off.",
        **session.bind_view("held"),
    )
    try:
        with st.spinner("Translating with the weights of every step…"):
            traces = {step: at_step(shown, step) for step in [*steps, FINISHED]}
            read = at_step(shown, shown.view.snapshot, held=shown.view.held)
    except ValueError as error:
        st.error(f"The timeline cannot be shown: {plain(str(error))}.")
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        _draw_head(shown, read)
    with right:
        _draw_translations(shown, traces)


def name_of(step: int) -> str:
    return f"step {step:,}" if step else "finished"


def at_step(shown: Shown, step: int, *, held: bool = False) -> engine.Trace:
    """The sentence at a step of the training.

    Args:
        held: the finished model's translation is forced, so that rows are the same at every step.

    Raises:
        ValueError: if the weights of that step cannot be used.
    """
    if step == FINISHED:
        return shown.trace
    run = shown.choice.run
    if held:
        pieces = tuple(piece.id for piece in shown.trace.target.pieces)
        run = run.replace(prefix=pieces, target="")
    return engine.trace(shown.folder, run, step)


def _draw_translations(shown: Shown, traces: dict[int, engine.Trace]) -> None:
    """What each step makes of the sentence, told apart from what the finished model does."""
    for step, trace in traces.items():
        mark = " ← on show" if step == shown.view.snapshot else ""
        st.markdown(
            f"**{name_of(step).capitalize()}**, {_mean_probability(trace):.0%} a piece{mark}"
        )
        runs = engine.word_diff(shown.trace.target.text, trace.target.text)
        st.html(diff_html((run.change, run.text) for run in runs))
    note(
        "Against the finished model's translation: struck through, what a step does not say; "
        "underlined, what it says instead. The share is the geometric mean of its probabilities."
    )


def _mean_probability(trace: engine.Trace) -> float:
    return math.exp(trace.best.log_probability_nats / len(trace.steps))


def _draw_head(shown: Shown, read: engine.Trace) -> None:
    st.markdown(f"**{_title(shown)}**")
    st.plotly_chart(
        _figure(shown, read), alt=_title(shown), key="timeline", config={"displaylogo": False}
    )
    note(
        f"Of the finished model's heads this one {shown.best.reason}. Each row is a step of the decoder: "
        "bright cells are the source words it looks at. The colour scale is the same for all weights."
    )


def _title(shown: Shown) -> str:
    best = shown.best
    place = f"Cross-attention, layer {best.layer}, head {best.head} ({best.label})"
    return f"{place}, {name_of(shown.view.snapshot)}"


def _figure(shown: Shown, read: engine.Trace) -> go.Figure:
    weights = read.weights["cross"][shown.best.layer - 1, shown.best.head - 1]
    matrix = head_matrix(read, "cross", weights, shown.view)
    return head_figure(
        matrix.values,
        rows=[token_label(label) for label in matrix.rows],
        columns=[token_label(label) for label in matrix.columns],
        row_title=matrix.row_title,
        column_title=matrix.column_title,
    )


def timeline_pictures(shown: Shown) -> list[Picture]:
    """The head as it is at the step on show."""
    read = at_step(shown, shown.view.snapshot, held=shown.view.held)
    return [Picture(_title(shown), _figure(shown, read))]
