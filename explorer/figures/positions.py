"""Section 3.5 in pictures: the position table, its dot products, and the map from p to p + k.

Positions and dimensions count from 0, as in the paper's formulas. A `table` is n d_model.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures.axes import MARGIN, Array, largest, number_axis, signed_heat_map
from explorer.figures.colours import OKABE_ITO, ROLES
from explorer.figures.sinusoids import (
    cosines,
    dot_products,
    dot_products_by_distance,
    frequencies,
    pair_dimensions,
    shift_map,
)

POSITION, DIMENSION = "position p", "dimension"
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}


def curves_figure(table: Array, *, dimensions: Sequence[int], names: Sequence[str]) -> go.Figure:
    """Chosen dimensions as curves over positions.

    Args:
        dimensions: columns of the table.
        names: one a dimension, already escaped; `sinusoid_names` makes them.
    """
    figure = go.Figure()
    for number, (dimension, name) in enumerate(zip(dimensions, names, strict=True)):
        figure.add_scatter(
            x=np.arange(len(table)),
            y=table[:, dimension].astype(float),
            name=name,
            mode="lines",
            line={
                "color": OKABE_ITO[number % len(OKABE_ITO)],
                "dash": ("solid", "dash", "dot")[number // len(OKABE_ITO) % 3],
            },
            hovertemplate=f"{name}<br>position %{{x}}: %{{y:.3f}}<extra></extra>",
        )
    limit = 1.05 * max(1.0, largest(table))
    figure.update_layout(
        height=360,
        margin={**MARGIN, "t": 10},
        xaxis=number_axis(POSITION),
        yaxis=number_axis("value", range=[-limit, limit], zeroline=True),
        legend=LEGEND,
        showlegend=True,
    )
    return figure


def sinusoid_names(d_model: int, dimensions: Sequence[int], *, halves: bool = False) -> list[str]:
    """What each dimension is: sine or cosine, and after how many positions it repeats."""
    sine, cosine = pair_dimensions(d_model, halves=halves)
    wavelengths = 2 * math.pi / frequencies(d_model)
    kinds = {
        int(dimension): f"{kind}, repeats after {wavelength:,.{1 if wavelength < 100 else 0}f}"
        for kind, columns in (("sin", sine), ("cos", cosine))
        for dimension, wavelength in zip(columns, wavelengths, strict=True)
    }
    return [f"{dimension}: {kinds[dimension]}" for dimension in dimensions]


def table_figure(table: Array) -> go.Figure:
    """The whole table: a row a position, downwards; a column a dimension."""
    figure = go.Figure(_table_map(table, limit=max(1.0, largest(table))))
    figure.update_layout(
        height=460,
        margin={**MARGIN, "t": 10},
        xaxis=number_axis(DIMENSION, side="top"),
        yaxis=number_axis(POSITION, autorange="reversed"),
    )
    return figure


def dot_products_figure(table: Array) -> go.Figure:
    """PE·PEᵀ as a matrix: for sinusoids, equal numbers along every diagonal."""
    products = dot_products(table)
    figure = go.Figure(
        signed_heat_map(
            products, limit=largest(products), hover="PE(%{y})·PE(%{x}) = <b>%{z:.2f}</b>"
        )
    )
    figure.update_layout(
        height=460,
        margin={**MARGIN, "t": 10},
        xaxis=number_axis("position q", side="top"),
        yaxis=number_axis(POSITION, autorange="reversed"),
    )
    return figure


def distance_figure(table: Array) -> go.Figure:
    """PE(p)·PE(p + k) over the distance k: the mean over p, and a band from lowest to highest."""
    found = dot_products_by_distance(table)
    distances = np.arange(len(table))
    figure = go.Figure()
    figure.add_scatter(x=distances, y=found.lowest, mode="lines", line_width=0, hoverinfo="skip")
    figure.add_scatter(
        x=distances,
        y=found.highest,
        mode="lines",
        line_width=0,
        fill="tonexty",
        fillcolor="rgba(128,128,128,0.35)",
        hoverinfo="skip",
        name="lowest to highest over p",
    )
    figure.add_scatter(
        x=distances,
        y=found.mean,
        mode="lines",
        line_color=ROLES["query"].mark,
        customdata=np.stack([found.lowest, found.highest], axis=-1),
        hovertemplate="distance %{x}: <b>%{y:.2f}</b><br>from %{customdata[0]:.2f} to "
        "%{customdata[1]:.2f}<extra></extra>",
        name="mean over p",
    )
    figure.data[0].showlegend = False
    figure.update_layout(
        height=360,
        margin={**MARGIN, "t": 10},
        xaxis=number_axis("distance k"),
        yaxis=number_axis("PE(p) · PE(p + k)", zeroline=True),
        legend=LEGEND,
    )
    return figure


def shift_figure(table: Array, *, k: int, position: int, halves: bool = False) -> go.Figure:
    """The fixed map M_k at work: the matrix, and what it makes of PE(p) beside the real PE(p + k).

    Args:
        position: p, whose row of the table is moved; the matrix is the same for every p.

    Raises:
        ValueError: if p or p + k lies outside the table.
    """
    n, d_model = table.shape
    if not 0 <= position <= position + k < n:
        raise ValueError(
            f"position={position} and k={k} leave the table of {n} positions; "
            f"take 0 <= position <= position + k < {n}"
        )
    matrix = shift_map(d_model, k, halves=halves)
    moved = matrix @ table[position].astype(float)
    figure = make_subplots(
        1,
        2,
        column_widths=[0.4, 0.6],
        horizontal_spacing=0.1,
        subplot_titles=(f"M<sub>{k}</sub>, the same for every p", f"p = {position}, k = {k}"),
    )
    hover = "row %{y}, column %{x}: <b>%{z:.3f}</b>"
    bar = {"thickness": 12, "x": 0.36, "len": 0.9}
    figure.add_trace(signed_heat_map(matrix, limit=1, hover=hover, colorbar=bar), 1, 1)
    for trace in _shifted_rows(table[position], moved, table[position + k]):
        figure.add_trace(trace, 1, 2)
    figure.update_layout(height=460, margin=MARGIN, legend={**LEGEND, "x": 0.42, "y": -0.24})
    figure.update_xaxes(number_axis(f"{DIMENSION} of PE(p)"), row=1, col=1)
    figure.update_yaxes(
        number_axis(f"{DIMENSION} of PE(p + k)", autorange="reversed"), row=1, col=1
    )
    figure.update_xaxes(number_axis(DIMENSION), row=1, col=2)
    figure.update_yaxes(number_axis("value", range=[-1.1, 1.1], zeroline=True), row=1, col=2)
    return figure


def compare_tables_figure(learned: Array, sinusoids: Array) -> go.Figure:
    """A learned table beside the sinusoids: values on one scale, and the cosines of their rows.

    Raises:
        ValueError: if the tables have different shapes.
    """
    if learned.shape != sinusoids.shape:
        raise ValueError(
            f"tables of shape {learned.shape} and {sinusoids.shape} cannot be compared row by row"
        )
    figure = make_subplots(
        2,
        2,
        vertical_spacing=0.14,
        horizontal_spacing=0.09,
        subplot_titles=(
            "learned table",
            "sinusoids",
            "learned: cosine of rows p and q",
            "sinusoids: cosine of rows p and q",
        ),
    )
    limit = largest(learned, sinusoids)
    for column, table in enumerate((learned, sinusoids), start=1):
        bar = {"thickness": 12, "len": 0.45, "y": 0.79}
        figure.add_trace(_table_map(table, limit=limit, colorbar=bar), 1, column)
        hover = "positions %{y} and %{x}: <b>%{z:.3f}</b>"
        bar = {"thickness": 12, "len": 0.45, "y": 0.21}
        figure.add_trace(
            signed_heat_map(cosines(table), limit=1, hover=hover, colorbar=bar), 2, column
        )
        figure.update_xaxes(number_axis(DIMENSION), row=1, col=column)
        figure.update_xaxes(number_axis("position q"), row=2, col=column)
    figure.update_yaxes(number_axis(POSITION, autorange="reversed"), col=1)
    figure.update_yaxes(number_axis("", autorange="reversed"), col=2)
    figure.update_layout(height=760, margin=MARGIN)
    return figure


def _shifted_rows(before: Array, moved: Array, after: Array) -> list[go.Scatter]:
    """PE(p) as small dots, the real PE(p + k) as large ones, and rings where the map put it."""
    dimensions = np.arange(len(before))

    def row(name: str, values: Array, **marker: Any) -> go.Scatter:
        hover = f"{name}<br>dimension %{{x}}: <b>%{{y:.3f}}</b><extra></extra>"
        return go.Scatter(
            x=dimensions,
            y=values.astype(float),
            name=name,
            mode="markers",
            marker=marker,
            hovertemplate=hover,
        )

    return [
        row("PE(p)", before, color="#808080", size=4),
        row("PE(p + k), from the table", after, color=ROLES["query"].mark, size=6),
        row(
            "M<sub>k</sub> PE(p)",
            moved,
            color=ROLES["key"].mark,
            size=11,
            symbol="circle-open",
        ),
    ]


def _table_map(table: Array, *, limit: float, **more: Any) -> go.Heatmap:
    hover = "position %{y}, dimension %{x}: <b>%{z:.3f}</b>"
    return signed_heat_map(table, limit=limit, hover=hover, **more)
