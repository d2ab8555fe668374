"""One sentence at several moments of a model's training: its translations, and its best head."""

import streamlit as st

from core.analysis.trace.trace import Trace, mean_probability
from core.checkpoint.listing import timeline_steps
from core.text.word_diff import word_diff
from explorer.app_pages.training.fields import TrainingFields
from explorer.choice import session
from explorer.choice.page_context import PageContext, Settled, settled
from explorer.engine import traces
from explorer.figures.standalone import Picture
from explorer.figures.words import marked_words
from explorer.frame.messages import note, plain
from explorer.head.matrix import plain_matrix
from explorer.head.one_head import draw_links, matrix_figure

FINISHED = 0
NO_TIMELINE = (
    "{name} keeps its finished weights alone. With `python -m core train --keep-steps 100 300 1000 …` "
    "a checkpoint also gets those after these steps; of Table 3 (`python -m core table3`), the row "
    "base does. Choose such a model above."
)


def settle_snapshot(shown: PageContext) -> Settled:
    choice, notices = settled(shown)
    fields = shown.of(TrainingFields)
    if fields.snapshot in (FINISHED, *timeline_steps(shown.folder)):
        return choice, notices
    notice = f"The link says snapshot {fields.snapshot}, which this model does not keep."
    return choice.with_fields(fields.replace(snapshot=FINISHED)), (*notices, notice)


def draw_timeline(shown: PageContext) -> list[Picture]:
    """Draw the slider, the translation at each step, and the best head; return the head's
    picture."""
    steps = timeline_steps(shown.folder)
    if not steps:
        st.info(NO_TIMELINE.format(name=plain(shown.folder.name)))
        return [_draw_head(shown, shown.trace)]
    st.select_slider(
        "Weights after this step of the training",
        [*steps, FINISHED],
        format_func=name_of,
        help="Arrow keys go from one to the next.",
        **session.bind(TrainingFields, "snapshot", shown.of(TrainingFields).snapshot),
    )
    st.toggle(
        "The same rows at every step: the finished model's translation",
        help="Off: each step's own translation, which early ones repeat or break off.",
        **session.bind(TrainingFields, "held"),
    )
    try:
        with st.spinner("Translating with the weights of every step…"):
            by_step = {step: at_step(shown, step) for step in [*steps, FINISHED]}
            read = at_step(
                shown, shown.of(TrainingFields).snapshot, held=shown.of(TrainingFields).held
            )
    except ValueError as error:
        st.error(f"The timeline cannot be shown: {plain(str(error))}.")
        return []
    left, right = st.columns([3, 2], gap="large")
    with left:
        picture = _draw_head(shown, read)
    with right:
        _draw_translations(shown, by_step)
    return [picture]


def name_of(step: int) -> str:
    return f"step {step:,}" if step else "finished"


def at_step(shown: PageContext, step: int, *, held: bool = False) -> Trace:
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
        run = run.replace(prefix=pieces)
    return traces.trace(shown.folder, run, step)


def _draw_translations(shown: PageContext, by_step: dict[int, Trace]) -> None:
    """Draw the translation at each step, with its differences to the finished model's."""
    for step, trace in by_step.items():
        mark = " ← on show" if step == shown.of(TrainingFields).snapshot else ""
        st.markdown(
            f"**{name_of(step).capitalize()}**, {mean_probability(trace):.0%} a piece{mark}"
        )
        runs = word_diff(shown.trace.target.text, trace.target.text)
        now = [(run.text, run.change == "added") for run in runs if run.change != "removed"]
        st.html(marked_words(now))
    note(
        "Marked: words that the finished model's translation has not. The share is the geometric mean "
        "of the probabilities of a translation's pieces."
    )


def _draw_head(shown: PageContext, read: Trace) -> Picture:
    best = shown.best
    matrix = plain_matrix(read, best.place)
    picture = Picture(_title(shown), matrix_figure(matrix))
    st.markdown(f"**{picture.title}**")
    st.plotly_chart(picture.shown, alt=picture.title, key="timeline", config={"displaylogo": False})
    said = [
        f"Of the finished model's heads this one {best.reason}. Each row is a step of the "
        "decoder: bright cells are the source words it looks at.",
        best.how_to_read,
        "The colour scale is the same for all weights, and nothing is left out.",
    ]
    note(" ".join(filter(None, said)))
    draw_links(matrix)
    return picture


def _title(shown: PageContext) -> str:
    best = shown.best
    return f"{best.place.name} ({best.label}), {name_of(shown.of(TrainingFields).snapshot)}"
