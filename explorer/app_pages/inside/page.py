"""One query of one head through Equation 1, with every number on the way."""

import streamlit as st

from explorer.app_pages.inside import equations
from explorer.app_pages.inside.figures import least_width_px
from explorer.app_pages.inside.pictures import WALK_NOTE, inside_pictures
from explorer.app_pages.inside.sentences import (
    HeadRow,
    caveat,
    row_of,
    share,
    stages,
    story,
    table,
    without_scale,
)
from explorer.choice.page_context import PageContext, Settled, middle_place, settled_on
from explorer.engine.analyses import head_internals
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.downloads import Pictures
from explorer.frame.messages import note, notice
from explorer.frame.wide import wide
from explorer.head.controls import choose_head, choose_kind, choose_row


def settle(shown: PageContext) -> Settled:
    return settled_on(shown, middle_place(shown))


def draw(shown: PageContext) -> Pictures:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_kind()
        choose_head(shown)
        choose_row(shown)
    with st.spinner("Computing this head…"):
        inside = head_internals(shown.folder, shown.choice.run, shown.trace, shown.place)
    row = row_of(shown, inside)
    walk, softmax, norms = inside_pictures(shown, inside)
    st.html(f"<style>{equations.style()}</style>")
    if row.changes:
        notice(caveat(row))
    st.markdown(story(row))
    _equation(shown, row, walk)
    _scale(row, softmax)
    _projection(row, norms)
    return lambda: (walk, softmax, norms)


def _equation(shown: PageContext, row: HeadRow, picture: Picture) -> None:
    place = shown.place.name
    st.subheader(f"Equation 1, {place[0].lower()}{place[1:]}", anchor=False)
    words, beside = st.columns([2, 3], gap="large")
    with words, st.container(height="stretch", vertical_alignment="distribute"):
        above, middle, below = stages(row)
        with st.container():
            st.latex(equations.ATTENTION)
            st.markdown(above)
        st.markdown(middle)
        st.markdown(below)
    with beside:
        with wide("walk", least_width_px(len(row.keys))):
            _chart("walk_figure", picture, f"{place}: from q and K to the weighted values")
        note(f"Section 3.2.1. {WALK_NOTE}")
    with st.expander("This row's numbers as a table"):
        st.dataframe(table(row), hide_index=True, width="stretch")


def _scale(row: HeadRow, picture: Picture) -> None:
    st.subheader(r"Why divide by $\sqrt{d_k}$?", anchor=False)
    words, beside = st.columns([2, 3], gap="large")
    with words:
        st.markdown(without_scale(row))
        note(
            "The product of two vectors of $d_k$ independent numbers with mean 0 and variance 1 has "
            "variance $d_k$, and where a softmax is that sharp, hardly any gradient comes back "
            "(section 3.2.1, footnote 4). This model learnt with the division; only this row goes "
            "without it here."
        )
    with beside, wide("softmax", least_width_px(len(row.keys)) // 2):
        _chart("softmax_figure", picture, "This row's softmax with the division and without")


def _projection(row: HeadRow, picture: Picture) -> None:
    st.subheader("From heads to the layer's output", anchor=False)
    words, beside = st.columns([2, 3], gap="large")
    with words:
        st.latex(equations.MULTI_HEAD)
        st.markdown(share(row))
        note(
            "The heads' outputs stand side by side and are multiplied by $W^O$ (section 3.2.2): a "
            "sum over heads, each with its own rows of $W^O$. A length says how much a head brings; "
            "the parts may point against each other, so that their sum is shorter."
        )
    with beside, wide("norms", 160 + 40 * len(row.share_norms)):
        _chart("norms_figure", picture, "How much each head adds to each row")


def _chart(key: str, picture: Picture, alt: str) -> None:
    st.plotly_chart(picture.shown, alt=alt, key=key, config={"displaylogo": False})


sentence_page.show_page(
    "What does one head compute?",
    "One row of one head, from its query to what it passes on: follow the numbers through "
    "Equation 1, and choose another row, head or layer to compare.",
    draw,
    settle,
    terms=("query", "key", "value", "softmax", "mask", "head"),
)
