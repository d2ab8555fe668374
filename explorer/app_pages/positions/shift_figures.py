"""Figures of the paper's reason for sinusoids (section 3.5): PE(p + k) is a linear map of PE(p).

Positions and dimensions count from 0, as in the paper's formulas. A `table` is n d_model.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.analysis.positions import pair_dimensions, shift_map
from explorer.app_pages.positions.figures import DIMENSION, LEGEND
from explorer.figures.axes import MARGIN, Array, label_axis, largest, number_axis, signed_heat_map
from explorer.figures.colours import ROLES

MOST_PAIRS = 12
"""The most pairs of dimensions of M that are drawn; with more, its cells are too small to see."""


def shift_map_figure(d_model: int, k: int, *, halves: bool = False) -> go.Figure:
    """The matrix M_k, the same for every p, at its fastest pairs of dimensions; see `shift_map`."""
    shown = np.sort(
        np.concatenate([of[:MOST_PAIRS] for of in pair_dimensions(d_model, halves=halves)])
    )
    matrix = shift_map(d_model, k, halves=halves)[np.ix_(shown, shown)]
    figure = go.Figure(
        signed_heat_map(matrix, limit=1, hover="row %{y}, column %{x}: <b>%{z:.3f}</b>")
    )
    labels = [str(dimension) for dimension in shown]
    figure.update_layout(
        height=420,
        margin={**MARGIN, "t": 10},
        xaxis=_dimension_axis(f"{DIMENSION} of PE(p)", labels, side="top"),
        yaxis=_dimension_axis(f"{DIMENSION} of PE(p + k)", labels, autorange="reversed"),
    )
    return figure


def _dimension_axis(title: str, labels: Sequence[str], **more: Any) -> dict[str, Any]:
    return label_axis(labels, title={"text": title}, tickfont={"size": 10}, **more)


def shifted_row_figure(table: Array, *, k: int, position: int, halves: bool = False) -> go.Figure:
    """M_k PE(p) for one position p, beside the real PE(p + k).

    Args:
        position: p.

    Raises:
        ValueError: if p or p + k lies outside the table.
    """
    n, d_model = table.shape
    if not 0 <= position <= position + k < n:
        raise ValueError(
            f"position={position} and k={k} leave the table of {n} positions; "
            f"take 0 <= position <= position + k < {n}"
        )
    before, after = table[position].astype(float), table[position + k].astype(float)
    moved = shift_map(d_model, k, halves=halves) @ before
    limit = 1.1 * largest(before, after, moved)
    figure = go.Figure(
        [
            _row("PE(p)", before, color="#808080", size=4),
            _row("PE(p + k), from the table", after, color=ROLES["query"].mark, size=6),
            _row(
                "M<sub>k</sub> PE(p)", moved,
                color=ROLES["key"].mark, size=9, symbol="circle-open",
            ),
        ]
    )  # fmt: skip
    figure.update_layout(
        height=420,
        margin={**MARGIN, "t": 10},
        xaxis=number_axis(DIMENSION),
        yaxis=number_axis("value", range=[-limit, limit], zeroline=True),
        legend=LEGEND,
    )
    return figure


def _row(name: str, values: Array, **marker: Any) -> go.Scatter:
    return go.Scatter(
        x=np.arange(len(values)),
        y=values,
        name=name,
        mode="markers",
        marker=marker,
        hovertemplate=f"{name}<br>dimension %{{x}}: <b>%{{y:.3f}}</b><extra></extra>",
    )
