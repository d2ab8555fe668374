"""One row of one head along Equation 1, with every number on the way."""

import dataclasses

import plotly.graph_objects as go
import streamlit as st

from explorer import equations, frame
from explorer.controls import choose_head, choose_kind, choose_row, wide
from explorer.engine.inspection import head_internals
from explorer.figures.axes import Array
from explorer.figures.head import token_label
from explorer.figures.inside import (
    head_norms_figure,
    least_width_px,
    softmax_figure,
    walk_figure,
)
from explorer.figures.standalone import Picture
from explorer.figures.walk import walk
from explorer.heads import KINDS, row_labels, row_title
from explorer.inside import Row, caveat, row_of, share, stages, story, table, without_scale
from explorer.messages import note, notice
from explorer.saving import Pictures
from explorer.shown import Settled, Shown, first_place, settle_view

WALK_NOTE = "Every column is one key. Grey is below zero, colour above; point at it for numbers."


def settle(shown: Shown) -> Settled:
    """Where no row is chosen, the middle one: it has keys before it and after it."""
    first, shape = first_place(shown), shown.shape
    middle = dataclasses.replace(
        first,
        step=(shape.n_steps + 1) // 2,
        row=(shape.n_source + 1) // 2 if first.row else None,
    )
    return settle_view(shown.view, shape, middle)


def draw(shown: Shown) -> Pictures:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_kind()
        choose_head(shown)
        choose_row(shown)
    with st.spinner("Computing this head…"):
        row, share_norms = _row(shown)
    st.html(f"<style>{equations.style()}</style>")
    if row.changes:
        notice(caveat(row))
    st.markdown(story(row))
    _equation(shown, row)
    _scale(row)
    _projection(shown, row, share_norms)
    return lambda: _pictures(shown)


def _row(shown: Shown) -> tuple[Row, Array]:
    """The row on show, and how much every head adds to every row: H q."""
    kind, query = shown.view.kind, shown.query
    inside = head_internals(
        shown.folder, shown.choice.run, shown.trace, kind, shown.layer, shown.head
    )
    row = row_of(
        shown.trace,
        shown.choice.run,
        kind,
        query,
        layer=shown.layer,
        head=shown.head,
        walked=walk(inside.query[query], inside.key, inside.value, inside.visible[query]),
        share_norms=inside.share_norms,
    )
    return row, inside.share_norms


def _equation(shown: Shown, row: Row) -> None:
    place = _place(shown)
    st.subheader(f"Equation 1, {place[0].lower()}{place[1:]}", anchor=False)
    words, picture = st.columns([2, 3], gap="large")
    with words, st.container(height="stretch", vertical_alignment="distribute"):
        above, middle, below = stages(row)
        with st.container():
            st.latex(equations.ATTENTION)
            st.markdown(above)
        st.markdown(middle)
        st.markdown(below)
    with picture:
        with wide("walk", least_width_px(len(row.keys))):
            _chart("walk_figure", _walk(row), f"{place}: from q and K to the weighted values")
        note(f"Section 3.2.1. {WALK_NOTE}")
    with st.expander("This row's numbers as a table"):
        st.dataframe(table(row), hide_index=True, width="stretch")


def _scale(row: Row) -> None:
    st.subheader(r"Why divide by $\sqrt{d_k}$?", anchor=False)
    words, picture = st.columns([2, 3], gap="large")
    with words:
        st.markdown(without_scale(row))
        note(
            "The product of two vectors of $d_k$ independent numbers with mean 0 and variance 1 has "
            "variance $d_k$, and where a softmax is that sharp, hardly any gradient comes back "
            "(section 3.2.1, footnote 4). This model learnt with the division; only this row goes "
            "without it here."
        )
    with picture, wide("softmax", least_width_px(len(row.keys)) // 2):
        _chart("softmax_figure", _softmax(row), "This row's softmax with the division and without")


def _projection(shown: Shown, row: Row, share_norms: Array) -> None:
    st.subheader("From heads to the layer's output", anchor=False)
    words, picture = st.columns([2, 3], gap="large")
    with words:
        st.latex(equations.MULTI_HEAD)
        st.markdown(share(row))
        note(
            "The heads' outputs stand side by side and are multiplied by $W^O$ (section 3.2.2): a "
            "sum over heads, each with its own rows of $W^O$. A length says how much a head brings; "
            "the parts may point against each other, so that their sum is shorter."
        )
    with picture, wide("norms", 160 + 40 * len(share_norms)):
        figure = _norms(shown, row, share_norms)
        _chart("norms_figure", figure, "How much each head adds to each row")


def _chart(key: str, figure: go.Figure, alt: str) -> None:
    st.plotly_chart(figure, alt=alt, key=key, config={"displaylogo": False})


def _place(shown: Shown) -> str:
    return f"{KINDS[shown.view.kind]}, layer {shown.layer}, head {shown.head}"


def _walk(row: Row) -> go.Figure:
    return walk_figure(row.walked, keys=[token_label(key) for key in row.keys])


def _softmax(row: Row) -> go.Figure:
    return softmax_figure(row.walked, keys=[token_label(key) for key in row.keys])


def _norms(shown: Shown, row: Row, share_norms: Array) -> go.Figure:
    return head_norms_figure(
        share_norms,
        rows=[token_label(label) for label in row_labels(shown.trace, row.kind)],
        row_title=row_title(row.kind),
        marked=(shown.query, shown.head - 1),
    )


def _pictures(shown: Shown) -> list[Picture]:
    """What is on this page, for a file of its own."""
    row, share_norms = _row(shown)
    asks = row_labels(shown.trace, row.kind)[shown.query]
    return [
        Picture(f"{_place(shown)}, row {asks}", _walk(row), f"{caveat(row)} {WALK_NOTE}".strip()),
        Picture("The softmax with the division by √d_k and without", _softmax(row)),
        Picture("How much each head adds to each row", _norms(shown, row, share_norms)),
    ]


frame.show_page(
    "What does one head compute?",
    "One row of one head, from its query to what it passes on: follow the numbers through "
    "Equation 1, and choose another row, head or layer to compare.",
    draw,
    settle,
)
