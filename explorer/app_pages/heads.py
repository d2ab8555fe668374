"""All heads of one kind of attention at once, and one of them enlarged."""

import streamlit as st

from explorer import frame, session
from explorer.components.overview import choice as overview_choice
from explorer.components.overview import overview
from explorer.figures.head import head_figure, strongest_links, token_label
from explorer.frame import Shown, note
from explorer.heads import HeadMatrix, head_matrix

OVERVIEW = "overview"
KINDS = {
    "encoder": "Encoder self-attention",
    "decoder": "Decoder self-attention",
    "cross": "Cross-attention",
}
UNITS = {"pieces": "Subword pieces", "words": "Whole words"}


def draw(shown: Shown) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.radio(
            "Attention",
            list(KINDS),
            format_func=KINDS.__getitem__,
            horizontal=True,
            help="Section 3.2.3: the three ways in which the paper uses attention",
            **session.bind_view("kind"),
        )
        with st.popover("Show"):
            _settings()
    left, right = st.columns([2, 3], gap="large")
    with left:
        _all_heads(shown)
    with right:
        _one_head(shown)


def _settings() -> None:
    st.radio("Units", list(UNITS), format_func=UNITS.__getitem__, **session.bind_view("units"))
    st.toggle(
        "Special tokens",
        help="`<s>` and `</s>` often catch what a head has no use for; hidden, their share is told.",
        **session.bind_view("specials"),
    )
    st.slider("Leave out numbers below", 0.0, 1.0, step=0.05, **session.bind_view("threshold"))


def _all_heads(shown: Shown) -> None:
    st.subheader("All heads", anchor=False)
    weights = shown.trace.weights[shown.view.kind]
    overview(weights, layer=shown.layer, head=shown.head, key=OVERVIEW, on_choice=_take_head)
    note(
        "Rows of a square ask, columns are looked at, bright is a large weight (square-root "
        "colours). Point at one to enlarge it; click, or arrow keys and Enter, to open it."
    )


def _take_head() -> None:
    chosen = overview_choice(OVERVIEW)
    if chosen:
        session.change_view(layer=chosen[0], head=chosen[1])


def _one_head(shown: Shown) -> None:
    kind, layer, head = shown.view.kind, shown.layer, shown.head
    is_best = kind == "cross" and (layer, head) == (shown.best.layer, shown.best.head)
    st.subheader(
        f"{KINDS[kind]}, layer {layer}, head {head}"
        + (f" ({shown.best.label})" if is_best else ""),
        anchor=False,
    )
    weights = shown.trace.weights[kind][layer - 1, head - 1]
    matrix = head_matrix(shown.trace, kind, weights, shown.view)
    figure = head_figure(
        matrix.values,
        rows=[token_label(label) for label in matrix.rows],
        columns=[token_label(label) for label in matrix.columns],
        row_title=matrix.row_title,
        column_title=matrix.column_title,
    )
    name = f"{KINDS[kind]} weights of layer {layer}, head {head}"
    st.plotly_chart(figure, alt=name, key="head", config={"displaylogo": False})
    note(" ".join([*matrix.notes, "The colour scale is the same for all heads."]))
    _table(matrix)


def _table(matrix: HeadMatrix) -> None:
    with st.expander("The strongest links as a table"):
        st.dataframe(
            strongest_links(matrix.values, rows=matrix.rows, columns=matrix.columns),
            hide_index=True,
            width="stretch",
        )


frame.show_page(
    "Which head looks where?",
    "Each small square is one head on your sentence, layers downwards. Pick one to read its "
    "weights word by word.",
    draw,
)
