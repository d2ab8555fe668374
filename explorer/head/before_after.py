"""Before and after a change of the model: the translations, and one head's attention.

The two runs differ by an ablation, so any such experiment can be shown this way.
"""

from pathlib import Path

import streamlit as st

from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace
from explorer.choice import session
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext
from explorer.components.words.component import Translation
from explorer.engine import traces
from explorer.figures.standalone import Picture
from explorer.frame.chart import draw_chart
from explorer.frame.in_words import followed, translation_beside
from explorer.frame.messages import note
from explorer.frame.pick import pick
from explorer.head.controls import choose_head, choose_kind
from explorer.head.differences import Comparison
from explorer.head.fields import BeforeAfterFields
from explorer.head.matrix import HeadMatrix, plain_matrix
from explorer.head.one_head import draw_links, matrix_figure, table_caption

STEPS_OF = {"first": "of the first translation", "new": "of the new translation"}


def changed_run(shown: PageContext, ablation: str) -> Run:
    """The run on show under one more ablation."""
    run = shown.choice.run
    return run.replace(ablation=",".join(filter(None, (run.ablation, ablation))))


def compare(folder: Path, before: Trace, run: Run) -> Comparison:
    """Trace the sentence under a changed run, and score its first translation under the change.

    Raises:
        ValueError: if the model cannot be changed so.
    """
    pieces = tuple(piece.id for piece in before.target.pieces)
    return Comparison(
        before=before,
        after=traces.trace(folder, run),
        held=traces.trace(folder, run.replace(prefix=pieces)),
    )


def translation_after(shown: PageContext, found: Comparison, name: str, run: Run) -> Translation:
    """The translation under the change, as a line of words; those that are new are marked."""
    return translation_beside(name, found.after, found.before, followed(shown.best, run))


def draw_attention(shown: PageContext, found: Comparison, change: str) -> list[Picture]:
    """One head before and after, at first the one that changed most; returns the pictures drawn.

    Args:
        change: the change in words.
    """
    st.subheader("One head, before and after", anchor=False)
    _choose_head(shown, found)
    place = place_compared(shown, found)
    drawn = _heads(shown, found)
    for column, (when, (picture, matrix)) in zip(
        st.columns(2, gap="large"), drawn.items(), strict=True
    ):
        with column:
            st.markdown(f"**{picture.title}**")
            what = f"{picture.title} the change" + (f": {change}" if when == "after" else "")
            draw_chart(picture.shown, alt=what)
            draw_links(
                matrix,
                f"The strongest links {when} as a table",
                caption=table_caption(shown, what),
            )
    moved = found.moved_weight(place.kind)
    note(
        "Compare row by row. On the words of the first translation, "
        f"{moved[place.layer, place.head]:.0%} of this head’s weight moved to other words, in an "
        f"average row (all heads of this kind: {moved.min():.0%} to {moved.max():.0%})."
    )
    return [picture for picture, _ in drawn.values()]


def head_pictures(shown: PageContext, found: Comparison) -> list[Picture]:
    """The chosen head before and after, with the translation it belongs to."""
    return [picture for picture, _ in _heads(shown, found).values()]


def place_compared(shown: PageContext, found: Comparison) -> HeadPlace:
    """The head that is drawn: the one that changed most, or the reader's own choice."""
    return found.most_moved() if shown.of(BeforeAfterFields).which == "most" else shown.place


def _heads(shown: PageContext, found: Comparison) -> dict[str, tuple[Picture, HeadMatrix]]:
    """Before or after -> the picture of the chosen head, and what it shows."""
    after = found.after if shown.of(BeforeAfterFields).rows == "new" else found.held
    drawn, place = {}, place_compared(shown, found)
    for when, trace in (("before", found.before), ("after", after)):
        matrix = plain_matrix(trace, place)
        title = f"{place.name}, {when}"
        drawn[when] = Picture(title, matrix_figure(matrix), trace.target.text), matrix
    return drawn


def _choose_head(shown: PageContext, found: Comparison) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = {"most": "The one that changed most", "chosen": "One that I choose"}
        pick("Head", names, **session.bind(BeforeAfterFields, "which"))
        st.selectbox(
            "Rows after the change",
            list(STEPS_OF),
            format_func=STEPS_OF.__getitem__,
            width=260,
            help="Of the first translation: the same words as before, written under the change.",
            **session.bind(BeforeAfterFields, "rows"),
        )
    if shown.of(BeforeAfterFields).which == "chosen":
        with st.container(horizontal=True, vertical_alignment="bottom"):
            choose_kind()
            choose_head(shown)
