"""All layers x heads at once, one small heat map each, drawn on canvases in the browser."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.components import pack, source
from explorer.figures.colours import weight_levels, weight_palette

_mount = st.components.v2.component(
    "attention_overview", js=source("common.js", "overview.js"), css=source("overview.css")
)


def overview(
    weights: NDArray[np.floating[Any]],
    *,
    layer: int,
    head: int,
    key: str,
    on_choice: Callable[[], None],
) -> None:
    """Draw N x h tiles; a click, or arrow keys and Enter, chooses a head.

    Args:
        weights: N H q k.
        layer, head: the chosen one, from 1.
        on_choice: called before the next run; `choice(key)` then says which head.
    """
    n_layers, n_heads, n_rows, n_columns = weights.shape
    meta = {
        "shape": [n_layers, n_heads, n_rows, n_columns],
        "chosen": [layer, head],
        "palette_bytes": 3 * 256,
    }
    _mount(
        data=pack(meta, weight_palette() + weight_levels(weights).tobytes()),
        key=key,
        on_chosen_change=on_choice,
    )


def choice(key: str) -> tuple[int, int] | None:
    """The layer and head (from 1) that the reader chose last."""
    chosen = getattr(st.session_state.get(key), "chosen", None)
    return (int(chosen[0]), int(chosen[1])) if chosen else None
