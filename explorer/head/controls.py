"""Controls for a head and a query, shared by several pages."""

import streamlit as st

from core.analysis.head_place import KIND_NAMES
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.frame.pick import pick
from explorer.head.matrix import row_labels

KIND_HELP = """
- Encoder self-attention: each source word looks at all source words.
- Decoder self-attention: each step looks at the words written so far.
- Cross-attention: each step looks at the source, as the encoder left it.

These are the three uses of attention in section 3.2.3.
"""


def choose_kind() -> None:
    pick("Attention", KIND_NAMES, help=KIND_HELP, **session.bind(View, "kind"))


def choose_head(shown: PageContext) -> None:
    """Layer and head of the kind on show."""
    n_layers, n_heads = shown.trace.weights[shown.view.kind].shape[:2]
    for name, n, now in (
        ("layer", n_layers, shown.place.layer_number),
        ("head", n_heads, shown.place.head_number),
    ):
        st.selectbox(name.capitalize(), range(1, n + 1), width=90, **session.bind(View, name, now))


def choose_row(shown: PageContext) -> None:
    """Choose the query: a source token in encoder self-attention, a step elsewhere."""
    labels = row_labels(shown.trace, shown.view.kind)
    name, now = shown.asks, shown.query + 1
    st.selectbox(
        "Source piece that looks" if name == "row" else "Step: after this piece → the model writes",
        range(1, len(labels) + 1),
        format_func=lambda number: f"{number}: {labels[number - 1]}",
        width=280,
        **session.bind(View, name, now),
    )
    for icon, label, other in (("◀", "Row before", now - 1), ("▶", "Row after", now + 1)):
        st.button(
            icon,
            key=label,
            help=label,
            disabled=not 1 <= other <= len(labels),
            on_click=session.change,
            args=(View,),
            kwargs={str(name): other},
        )
