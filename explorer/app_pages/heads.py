"""All heads of one kind of attention at once, and one of them enlarged."""

import streamlit as st

from explorer import frame, session
from explorer.components.overview import choice as overview_choice
from explorer.components.overview import overview
from explorer.figures.head import head_figure, step_labels, strongest_links, token_label
from explorer.frame import Shown, note

OVERVIEW = "overview"
KINDS = {
    "encoder": "Encoder self-attention",
    "decoder": "Decoder self-attention",
    "cross": "Cross-attention",
}


def draw(shown: Shown) -> None:
    st.radio(
        "Attention",
        list(KINDS),
        format_func=KINDS.__getitem__,
        horizontal=True,
        help="Section 3.2.3: the three ways in which the paper uses attention",
        **session.bind_view("kind"),
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        _all_heads(shown)
    with right:
        _one_head(shown)


def _all_heads(shown: Shown) -> None:
    st.subheader("All heads", anchor=False)
    weights = shown.trace.weights[shown.view.kind]
    overview(weights, layer=shown.layer, head=shown.head, key=OVERVIEW, on_choice=_take_head)
    note(
        "Rows of a square ask, columns are looked at, bright is a large weight (square-root "
        "colours). Click one, or use arrow keys and Enter."
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
    rows, columns = _names(shown)
    figure = head_figure(
        weights,
        rows=step_labels(*rows) if len(rows) == 2 else [token_label(name) for name in rows[0]],
        columns=[token_label(name) for name in columns],
        row_title="source token" if kind == "encoder" else "decoder step: consumed → produced",
        column_title="consumed token looked at" if kind == "decoder" else "source token looked at",
    )
    name = f"{KINDS[kind]} weights of layer {layer}, head {head}"
    st.plotly_chart(figure, alt=name, key="head", config={"displaylogo": False})
    note("Every row sums to 1. The colour scale is the same for all heads.")
    with st.expander("The strongest links as a table"):
        st.dataframe(
            strongest_links(
                weights,
                rows=[" → ".join(parts) for parts in zip(*rows, strict=True)],
                columns=columns,
            ),
            hide_index=True,
            width="stretch",
        )


def _names(shown: Shown) -> tuple[list[list[str]], list[str]]:
    """Names of the rows (consumed and produced, where rows are steps) and of the columns."""
    trace, kind = shown.trace, shown.view.kind
    source = [piece.name for piece in trace.source.pieces]
    if kind == "encoder":
        return [source], source
    consumed = [piece.name for piece in trace.consumed]
    produced = [piece.name for piece in trace.target.pieces]
    return [consumed, produced], consumed if kind == "decoder" else source


frame.show_page(
    "Which head looks where?",
    "Each small square is one head on your sentence, layers downwards. Pick one to read its "
    "weights word by word.",
    draw,
)
