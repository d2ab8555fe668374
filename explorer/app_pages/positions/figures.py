"""Section 3.5 in pictures: the position table, its dot products, and a learned one beside it.

Positions and dimensions count from 0, as in the paper's formulas. A `table` is n d_model. `words`
are the tokens at the first positions, already escaped. If every position has one, they label the
axis; otherwise a mark shows where the sentence ends.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.analysis.positions import (
    cosines,
    dot_products,
    dot_products_by_distance,
    frequencies,
    pair_dimensions,
)
from explorer.figures.axes import MARGIN, Array, largest, number_axis, signed_heat_map
from explorer.figures.colours import MARK, OKABE_ITO, ROLES

POSITION, DIMENSION = "position p", "dimension"
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
MOST_WORD_LABELS = 40
TABLE_PX, LABEL_PX = 430, 13
UNLIT = "rgba(128, 128, 128, 0.35)"
"""Over rows at which no word of the sentence stands."""


def curves_figure(
    table: Array, *, dimensions: Sequence[int], names: Sequence[str], words: Sequence[str] = ()
) -> go.Figure:
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
            mode="lines+markers" if len(words) == len(table) else "lines",
            line={
                "color": OKABE_ITO[number % len(OKABE_ITO)],
                "dash": ("solid", "dash", "dot")[number // len(OKABE_ITO) % 3],
            },
            text=_named(len(table), words),
            hovertemplate=f"{name}<br>position %{{text}}: %{{y:.3f}}<extra></extra>",
        )
    marks_sentence = 0 < len(words) < len(table)
    limit = 1.05 * largest(table)
    figure.update_layout(
        height=360,
        margin={**MARGIN, "t": 10},
        xaxis=_position_axis(len(table), words),
        yaxis=number_axis(
            "value", range=[-(1.2 if marks_sentence else 1) * limit, limit], zeroline=True
        ),
        legend=LEGEND,
        showlegend=True,
    )
    if marks_sentence:
        _frame_sentence(figure, right=len(words) - 0.5, reach=-1.2 * limit, top=limit)
    return figure


def sinusoid_names(d_model: int, dimensions: Sequence[int], *, halves: bool = False) -> list[str]:
    """A name for each dimension: sine or cosine, and its wavelength in positions."""
    sine, cosine = pair_dimensions(d_model, halves=halves)
    wavelengths = 2 * math.pi / frequencies(d_model)
    kinds = {
        int(dimension): f"{kind}, repeats after {wavelength:,.{1 if wavelength < 100 else 0}f}"
        for kind, columns in (("sin", sine), ("cos", cosine))
        for dimension, wavelength in zip(columns, wavelengths, strict=True)
    }
    return [f"{dimension}: {kinds[dimension]}" for dimension in dimensions]


def table_figure(table: Array, *, words: Sequence[str] = ()) -> go.Figure:
    """The whole table: one row per position, downwards, and one column per dimension."""
    figure = go.Figure(_table_map(table, limit=largest(table)))
    figure.update_layout(
        height=TABLE_PX + 70,
        margin={**MARGIN, "t": 10},
        xaxis=number_axis(DIMENSION, side="top"),
        yaxis=_position_axis(
            len(table),
            words,
            most=TABLE_PX // LABEL_PX,
            autorange="reversed",
            tickfont={"size": 11},
        ),
    )
    if 0 < len(words) < len(table):
        _frame_sentence(figure, right=table.shape[1] - 0.5, reach=len(words) - 0.5)
        figure.add_hrect(
            y0=len(words) - 0.5, y1=len(table) - 0.5, line_width=0, fillcolor=UNLIT, layer="above"
        )
    return figure


def dot_products_figure(table: Array, *, words: Sequence[str] = ()) -> go.Figure:
    """PE·PEᵀ as a matrix: for sinusoids, equal numbers along every diagonal."""
    products = dot_products(table)
    figure = go.Figure(
        signed_heat_map(products, limit=largest(products), hover="%{y} · %{x} = <b>%{z:.2f}</b>")
    )
    figure.update_layout(
        height=460,
        margin={**MARGIN, "t": 10},
        xaxis=_position_axis(len(table), words, title="position q", side="top"),
        yaxis=_position_axis(len(table), words, autorange="reversed"),
    )
    if 0 < len(words) < len(table):
        reach = len(words) - 0.5
        _frame_sentence(figure, right=reach, reach=reach)
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
        height=460,
        margin={**MARGIN, "t": 10},
        xaxis=number_axis("distance k"),
        yaxis=number_axis("PE(p) · PE(p + k)", zeroline=True),
        legend=LEGEND,
    )
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
            "learned",
            "sinusoids",
            "learned: cosines",
            "sinusoids: cosines",
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


def _frame_sentence(figure: go.Figure, *, right: float, reach: float, top: float = -0.5) -> None:
    """A frame from the first position down to `reach`, and below its corner what it means."""
    figure.add_shape(
        type="rect", x0=-0.5, x1=right, y0=top, y1=reach, line={"color": MARK, "width": 2}
    )
    figure.add_annotation(
        text="this sentence",
        x=right,
        y=reach,
        xanchor="right",
        yanchor="bottom" if top > reach else "top",
        showarrow=False,
        font={"size": 11, "color": "#31333f"},
        bgcolor="rgba(255,255,255,0.9)",
    )


def _position_axis(
    n: int,
    words: Sequence[str],
    *,
    title: str = POSITION,
    most: int = MOST_WORD_LABELS,
    **more: Any,
) -> dict[str, Any]:
    """An axis of the words at the first positions, then of a few numbers.

    Args:
        most: labels for which there is room; of more words every second is written, and so on.
    """
    if not words:
        return number_axis(title, **more)
    step = -(-n // most)
    beyond = range(10 * (len(words) // 10 + 1), n, 10)
    shown = [*range(0, len(words), step), *(place for place in beyond if n > len(words))]
    names = _named(n, words)
    return number_axis(
        title,
        tickmode="array",
        tickvals=shown,
        ticktext=[names[position] for position in shown],
        **more,
    )


def _named(n: int, words: Sequence[str]) -> list[str]:
    """Positions as numbers, with the word that stands there, if one does."""
    return [f"{p} {words[p]}" if p < len(words) else str(p) for p in range(n)]


def _table_map(table: Array, *, limit: float, **more: Any) -> go.Heatmap:
    hover = "position %{y}, dimension %{x}: <b>%{z:.3f}</b>"
    return signed_heat_map(table, limit=limit, hover=hover, **more)
