"""A heat map of signed numbers with a text in each cell, whose cells take clicks."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.axes import Array, label_axis, signed_heat_map
from explorer.figures.cells import add_click_targets, add_mark, add_texts
from explorer.figures.colours import signed_ink

MOST_TEXTS = 600
"""Cells with a text; of more, the texts would run into each other and take long to draw."""
ROW_PX, LEAST_COLUMN_PX = 34, 46


def signed_cells(
    values: Array,
    *,
    limit: float,
    texts: Sequence[Sequence[str]],
    hovers: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    number: str,
    is_share: bool = False,
    row_title: str = "",
    column_title: str = "",
    marked: tuple[int, int] | None = None,
) -> go.Figure:
    """Rows from top to bottom; a click on a cell gives its row and column as `customdata`.

    Args:
        values: row x column.
        limit: where the colours end, both ways.
        texts, hovers: of each cell, already escaped.
        rows, columns: labels, already escaped.
        number: what a colour means.
        is_share: whether it is a share, written in per cent.
        marked: row and column of a cell to frame.
    """
    n_rows, n_columns = values.shape
    at = list(np.ndindex(values.shape))
    shares = np.clip(values / limit, -1, 1)
    figure = go.Figure(
        signed_heat_map(
            values, limit=limit, hover="", xgap=1, ygap=1, hoverinfo="skip", hovertemplate=None,
            colorbar={"title": {"text": number, "side": "right"}, "thickness": 12,
                      "tickformat": ".0%" if is_share else ""},
        )
    )  # fmt: skip
    if values.size <= MOST_TEXTS:
        inks = [signed_ink(float(shares[cell])) for cell in at]
        add_texts(figure, at, [texts[row][column] for row, column in at], inks)
    if marked is not None:
        add_mark(figure, marked)
    add_click_targets(figure, at, [hovers[row][column] for row, column in at])
    return figure.update_layout(
        height=ROW_PX * n_rows + 100,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis=label_axis(
            list(columns), title={"text": column_title}, side="top", range=(-0.5, n_columns - 0.5)
        ),
        yaxis=label_axis(list(rows), title={"text": row_title}, range=(n_rows - 0.5, -0.5)),
    )


def least_px(n_columns: int) -> int:
    """The width at which the columns have room for their texts."""
    return 200 + LEAST_COLUMN_PX * n_columns
