"""Before and after a change of the model: translations, a reading of them, one head's attention.

What differs between the two runs is an ablation, so any experiment can be shown this way.
"""

import streamlit as st

from explorer import engine, session
from explorer.differences import Comparison, mean_probability, reading, signed
from explorer.figures.head import head_figure, token_label
from explorer.figures.standalone import Picture
from explorer.figures.words import marked_words
from explorer.frame import Shown, note
from explorer.heads import KINDS, head_matrix
from explorer.state import Run

ROWS = {"first": "the first translation", "new": "the new translation"}


def compare(shown: Shown, ablation: str) -> tuple[Run, Comparison]:
    """Run the sentence on show under one more ablation, and score its translation under it.

    Returns:
        The changed run, and what it makes of the sentence.

    Raises:
        ValueError: if the model cannot be changed so.
    """
    before = shown.choice.run
    both = ",".join(filter(None, (before.ablation, ablation)))
    run = before.replace(ablation=both, target="")
    pieces = tuple(piece.id for piece in shown.trace.target.pieces)
    return run, Comparison(
        before=shown.trace,
        after=engine.trace(shown.folder, run),
        held=engine.trace(shown.folder, run.replace(prefix=pieces)),
    )


def draw_translations(found: Comparison, change: str) -> None:
    """Both translations, what differs marked, and what is to be read from them."""
    for place, heading, trace, differs in zip(
        st.columns(2, gap="large"),
        ("Before", f"After: {change}"),
        (found.before, found.after),
        (found.lost, found.new),
        strict=True,
    ):
        words = zip(trace.target.words, differs, strict=True)
        spans = [(word.start, word.end) for word, marked in words if marked]
        with place:
            st.subheader(heading, anchor=False)
            st.html(marked_words(trace.target.text, spans))
            note(
                f"Log-probability {signed(trace.best.log_probability_nats)} nats, "
                f"{mean_probability(trace):.0%} a piece"
            )
    st.write(reading(found))


def draw_attention(shown: Shown, found: Comparison) -> list[Picture]:
    """One head before and after, and which head changed most; returns the pictures drawn."""
    pictures = []
    st.subheader("One head, before and after", anchor=False)
    _choose_head(shown, found)
    kind, view = shown.view.kind, shown.view
    after = found.after if view.rows == "new" else found.held
    for place, when, trace in zip(
        st.columns(2, gap="large"), ("before", "after"), (found.before, after), strict=True
    ):
        matrix = head_matrix(
            trace, kind, trace.weights[kind][shown.layer - 1, shown.head - 1], view
        )
        figure = head_figure(
            matrix.values,
            rows=[token_label(label) for label in matrix.rows],
            columns=[token_label(label) for label in matrix.columns],
            row_title=matrix.row_title,
            column_title=matrix.column_title,
        )
        title = f"{KINDS[kind]}, layer {shown.layer}, head {shown.head}, {when}"
        with place:
            st.markdown(f"**{title}**")
            st.plotly_chart(figure, alt=title, key=f"head-{when}", config={"displaylogo": False})
        pictures.append(Picture(title, figure, trace.target.text))
    moved = found.moved_weight(kind)
    note(
        f"Compare row by row: on the words of the first translation, "
        f"{moved[shown.layer - 1, shown.head - 1]:.0%} of the weight in an average row of this head "
        f"lies elsewhere than before (all heads of this kind: {moved.min():.0%} to {moved.max():.0%})."
    )
    return pictures


def _choose_head(shown: Shown, found: Comparison) -> None:
    n_layers, n_heads = shown.trace.weights[shown.view.kind].shape[:2]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Attention",
            list(KINDS),
            format_func=KINDS.__getitem__,
            width=220,
            help="Section 3.2.3: the three ways in which the paper uses attention",
            **session.bind_view("kind"),
        )
        for name, n, chosen in (("layer", n_layers, shown.layer), ("head", n_heads, shown.head)):
            st.selectbox(
                name.capitalize(), range(1, n + 1), width=90, **session.bind_view(name, chosen)
            )
        st.selectbox(
            "After, the steps of",
            list(ROWS),
            format_func=ROWS.__getitem__,
            width=220,
            help="The first translation: the same words as before, held fixed under the change.",
            **session.bind_view("rows"),
        )
        kind, layer, head = found.most_moved()
        st.button(
            f"Open the head that changed most ({kind}, layer {layer}, head {head})",
            on_click=session.change_view,
            kwargs={"kind": kind, "layer": layer, "head": head},
        )
