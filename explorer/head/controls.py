"""Controls for a head, shared by several pages."""

import streamlit as st

from core.analysis.head_place import KIND_NAMES
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.frame.pick import pick

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
