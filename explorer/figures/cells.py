"""What stands on the cells of a heat map: a text, a frame around one of them, and what takes clicks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures.colours import MARK

Cell = tuple[int, int]
"""Row and column."""


def add_texts(
    figure: go.Figure, at: Sequence[Cell], texts: Sequence[str], inks: Sequence[str]
) -> None:
    """Write a text into each cell.

    Args:
        texts: already escaped.
        inks: their colours.
    """
    figure.add_scatter(
        x=[column for _, column in at],
        y=[row for row, _ in at],
        mode="text",
        text=list(texts),
        textfont={"color": list(inks), "size": 12},
        hoverinfo="skip",
        showlegend=False,
    )


def add_mark(figure: go.Figure, cell: Cell) -> None:
    """Frame one cell."""
    row, column = cell
    figure.add_shape(
        type="rect", x0=column - 0.5, x1=column + 0.5, y0=row - 0.5, y1=row + 0.5,
        line={"color": MARK, "width": 3},
    )  # fmt: skip


def add_click_targets(figure: go.Figure, at: Sequence[Cell], hovers: Sequence[str]) -> None:
    """Unseen bars that take the clicks, since heat maps report none; `customdata` is row, column, hover.

    Args:
        hovers: what pointing at each cell says, already escaped.
    """
    unseen: dict[str, Any] = {"opacity": 0}
    figure.add_bar(
        orientation="h", y=[row for row, _ in at], base=[column - 0.5 for _, column in at],
        x=np.ones(len(at)), width=1,
        customdata=[[row, column, said] for (row, column), said in zip(at, hovers, strict=True)],
        marker=unseen, selected={"marker": unseen}, unselected={"marker": unseen}, showlegend=False,
        hovertemplate="%{customdata[2]}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(barmode="overlay")
