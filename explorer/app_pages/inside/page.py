"""One query of one head through Equation 1, with every number on the way."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.checkpoint.required import model_config_of
from explorer.app_pages.inside import equations
from explorer.app_pages.inside.fields import InsideFields
from explorer.app_pages.inside.figures import clickable
from explorer.app_pages.inside.pictures import equation_data, inside_pictures, norms_figure
from explorer.app_pages.inside.reasons import draw_reasons
from explorer.app_pages.inside.sentences import HeadRow, rows_of, share, table, without_scale
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext, Settled, settled_on, telling_place
from explorer.components.equation import component as equation
from explorer.engine.analyses import head_internals
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.caption import about
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import Pictures
from explorer.frame.messages import note, notice, plain
from explorer.frame.tables import draw_table
from explorer.frame.wide import wide
from explorer.head.controls import choose_head, choose_kind

if TYPE_CHECKING:
    from core.analysis.trace.head_internals import HeadInternals

FIXED = (
    "This head attends by a fixed pattern of positions, whatever its queries and keys are. So it does not compute "
    "Equation 1. Heads shows its weights; choose another head here."
)
EQUATION, NORMS = "equation", "norms_figure"


def settle(shown: PageContext) -> Settled:
    return settled_on(shown, telling_place(shown))


def draw(shown: PageContext) -> Pictures:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choose_kind()
        choose_head(shown)
    if is_fixed(shown):
        notice(FIXED)
        return list
    with st.spinner("Computing this head…"):
        inside = head_internals(shown.folder, shown.choice.run, shown.trace, shown.place)
    (row,) = rows_of(shown, inside, [shown.query])
    st.html(f"<style>{equations.style()}</style>")
    data = equation_data(shown, inside)
    equation.equation(data, key=EQUATION, on_view=lambda: _look(shown, equation.view(EQUATION)))
    with st.expander("This row's numbers as a table"):
        draw_table(
            table(row),
            name="row",
            caption=" ".join([f"{shown.place.name}: one row.", *about(shown)]),
        )
    reasons = draw_reasons(shown)
    _scale(row)
    _projection(shown, row, inside)

    def pictures() -> list[Picture]:
        equation_, norms = inside_pictures(shown, inside)
        return [equation_, *reasons, norms]

    return pictures


def is_fixed(shown: PageContext) -> bool:
    """Whether the head on show attends by a pattern, so that Equation 1 does not say how."""
    n_fixed = model_config_of(shown.folder).n_fixed_heads
    return shown.place.kind == "encoder" and shown.place.head < n_fixed


def _look(shown: PageContext, seen: Mapping[str, Any] | None) -> None:
    """Take over the row and the stage that the reader chose."""
    if seen:
        session.change(View, **{shown.asks: seen["row"]})
        session.change(InsideFields, stage=seen["stage"])


def _scale(row: HeadRow) -> None:
    st.subheader(r"Why divide by $\sqrt{d_k}$?", anchor=False)
    st.markdown(plain(without_scale(row)))
    note(
        "The product of two vectors of $d_k$ independent numbers with mean 0 and variance 1 has "
        "variance $d_k$, and where a softmax is that sharp, hardly any gradient comes back "
        "(section 3.2.1, footnote 4). This model learnt with the division; the button “Without ÷ "
        f"√{len(row.walked.query)}” above leaves it out for one row."
    )


def _projection(shown: PageContext, row: HeadRow, inside: "HeadInternals") -> None:
    st.subheader("From heads to the layer's output", anchor=False)
    words, beside = st.columns([2, 3], gap="large")
    with words:
        st.latex(equations.MULTI_HEAD)
        st.markdown(share(row))
        note(
            "The heads' outputs stand side by side and are multiplied by $W^O$ (section 3.2.2): a "
            "sum over heads, each with its own rows of $W^O$. A length says how much a head adds; "
            "the parts may point against each other, so that their sum is shorter. Click a cell to "
            "go to its head and row."
        )
    with beside, wide("norms", 160 + 40 * len(row.share_norms)):
        draw_chart(
            clickable(norms_figure(shown, inside), inside.share_norms),
            alt="How much each head adds to each row",
            key=NORMS,
            on_select=lambda: _take_head(shown),
            selection_mode="points",
        )


def _take_head(shown: PageContext) -> None:
    points = st.session_state[NORMS].selection.points
    if points:
        head, *_ = points[0]["customdata"]
        session.change(View, head=int(head), **{shown.asks: points[0]["y"] + 1})


sentence_page.show_page(
    "What does one head compute?",
    "A head turns the query of one word into an output, in six steps. Press Play, point at a "
    "number, or drag a score.",
    draw,
    settle,
    fields=(InsideFields,),
    terms=("query", "key", "value", "softmax", "mask", "head"),
)
