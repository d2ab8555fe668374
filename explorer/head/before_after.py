"""Before and after a change of the model: translations, their differences, one head's attention.

The two runs differ by an ablation, so any such experiment can be shown this way.
"""

from pathlib import Path

import streamlit as st

from core.analysis.trace.trace import Trace
from explorer.choice import session
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext
from explorer.engine import traces
from explorer.figures.standalone import Picture
from explorer.figures.words import marked_words
from explorer.frame.messages import note
from explorer.head.controls import choose_head, choose_kind
from explorer.head.differences import Comparison, reading, score
from explorer.head.fields import BeforeAfterFields
from explorer.head.matrix import HeadMatrix, plain_matrix
from explorer.head.one_head import draw_links, matrix_figure

STEPS_OF = {"first": "the first translation", "new": "the new translation"}


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


def draw_translations(found: Comparison, change: str) -> None:
    """Draw both translations with their differences marked, and describe them."""
    for place, heading, trace, other in zip(
        st.columns(2, gap="large"),
        ("Before", f"After: {change}"),
        (found.before, found.after),
        ("added", "removed"),
        strict=True,
    ):
        words = [(run.text, run.change != "same") for run in found.diff if run.change != other]
        with place:
            st.subheader(heading, anchor=False)
            st.html(marked_words(words))
            note(score(trace).capitalize())
    st.write(reading(found))


def draw_attention(shown: PageContext, found: Comparison) -> list[Picture]:
    """One head before and after, and which head changed most; returns the pictures drawn."""
    st.subheader("One head, before and after", anchor=False)
    _choose_head(shown, found)
    drawn = _heads(shown, found)
    for place, (when, (picture, matrix)) in zip(
        st.columns(2, gap="large"), drawn.items(), strict=True
    ):
        with place:
            st.markdown(f"**{picture.title}**")
            st.plotly_chart(picture.shown, alt=picture.title, config={"displaylogo": False})
            draw_links(matrix, f"The strongest links {when} as a table")
    moved = found.moved_weight(shown.view.kind)
    note(
        "Compare row by row: on the words of the first translation, "
        f"{moved[shown.place.layer, shown.place.head]:.0%} of the weight in an average row of this head "
        f"lies elsewhere than before (all heads of this kind: {moved.min():.0%} to {moved.max():.0%}). "
        "Both are drawn piece by piece with nothing left out, whatever is chosen on Heads."
    )
    return [picture for picture, _ in drawn.values()]


def head_pictures(shown: PageContext, found: Comparison) -> list[Picture]:
    """The chosen head before and after, with the translation it belongs to."""
    return [picture for picture, _ in _heads(shown, found).values()]


def _heads(shown: PageContext, found: Comparison) -> dict[str, tuple[Picture, HeadMatrix]]:
    """Before or after -> the picture of the chosen head, and what it shows."""
    after = found.after if shown.of(BeforeAfterFields).rows == "new" else found.held
    drawn = {}
    for when, trace in (("before", found.before), ("after", after)):
        matrix = plain_matrix(trace, shown.place)
        title = f"{shown.place.name}, {when}"
        drawn[when] = Picture(title, matrix_figure(matrix), trace.target.text), matrix
    return drawn


def _choose_head(shown: PageContext, found: Comparison) -> None:
    choose_kind()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_head(shown)
        st.selectbox(
            "After, the steps of",
            list(STEPS_OF),
            format_func=STEPS_OF.__getitem__,
            width=220,
            help="The first translation: the same words as before, held fixed under the change.",
            **session.bind(BeforeAfterFields, "rows"),
        )
        most = found.most_moved()
        st.button(
            f"Open the head that changed most ({most.kind}, {most.in_words})",
            on_click=session.show_head,
            args=(most,),
        )
