"""Attention as lines between two columns: queries on the left, keys on the right."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from explorer.components import pack, pack_weights, source
from explorer.figures.colours import OKABE_ITO, ROLES

SCRIPT, STYLE = (
    source("common.js", "lines/component.js"),
    source("common.css", "lines/component.css"),
)

_mount = st.components.v2.component("attention_lines", js=SCRIPT, css=STYLE)


def lines_payload(
    weights: NDArray[np.floating[Any]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    row_title: str,
    column_title: str,
    heads: Sequence[str],
    title: str = "",
    hover: Mapping[str, Any] | None = None,
    threshold: float = 0.05,
) -> bytes:
    """The data that the script draws: labels and colours, then a 16-bit number per weight.

    A single head has the colour of attention; several have one each, and from the ninth on the
    same colours come back dashed, then dotted.

    Args:
        weights: H q k; the weights of a query sum to at most 1.
        rows, columns, heads: names as plain text, one for each place of their axis.
        title: of a picture that is saved.
        hover: the words that rows and columns stand for (`HoverWords.to_json`), if the page has them.
        threshold: weaker lines are hidden at first, from 0 to 1.

    Raises:
        ValueError: if the names do not fit the weights.
    """
    if weights.shape != (len(heads), len(rows), len(columns)):
        raise ValueError(
            f"weights of shape {weights.shape} do not fit {len(heads)} heads, {len(rows)} rows and "
            f"{len(columns)} columns"
        )
    meta = {
        "title": title,
        "rows": list(rows),
        "columns": list(columns),
        "row_title": row_title,
        "column_title": column_title,
        "heads": list(heads),
        "hover": hover,
        "colours": [ROLES["attention"].mark] if len(heads) == 1 else list(OKABE_ITO),
        "threshold": threshold,
    }
    return pack(meta, pack_weights(weights))


def lines(payload: bytes, *, key: str) -> None:
    """Draw the lines; pointing at a token shows only its lines, a click keeps them so."""
    _mount(data=payload, key=key)
