"""Trainings in pictures: one quantity over the steps or tokens of one or several of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from explorer.figures.axes import MARGIN, log_axis, number_axis
from explorer.figures.colours import OKABE_ITO

DASHES = ("solid", "dot", "dash", "dashdot")
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
HEIGHT_PX, LEGEND_LINE_PX = 260, 22
MARK = {
    "type": "line",
    "yref": "y domain",
    "y0": 0,
    "y1": 1,
    "line": {"width": 1, "dash": "dot", "color": "#808080"},
}
"""A dotted line from bottom to top. Plotly's `add_vline` takes five times as long."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One quantity of one training."""

    name: str  # already escaped
    x: Sequence[float]
    y: Sequence[float]
    colour: int  # which training
    dash: int = 0  # which of its texts


def curves_figure(
    curves: Sequence[Curve],
    *,
    x_title: str,
    y_title: str,
    log_x: bool = False,
    log_y: bool = False,
    marks: Sequence[int] = (),
) -> go.Figure:
    """Curves over the course of a training; a curve with few points also has markers.

    On a logarithmic axis, numbers that are not above 0 are left out.

    Args:
        marks: places on the x-axis that get a dotted line.
    """
    figure = go.Figure()
    for curve in curves:
        figure.add_scatter(
            x=list(curve.x),
            y=list(curve.y),
            name=curve.name,
            mode="lines+markers" if len(curve.x) <= 40 else "lines",
            line={
                "color": OKABE_ITO[curve.colour % len(OKABE_ITO)],
                "dash": DASHES[curve.dash % len(DASHES)],
                "width": 2,
            },
            marker_size=5,
            hovertemplate=f"{curve.name}<br>%{{x:,}}: <b>%{{y:.4g}}</b><extra></extra>",
        )
    figure.update_layout(
        height=HEIGHT_PX + LEGEND_LINE_PX * len(curves),
        margin={**MARGIN, "t": 10},
        xaxis=_axis(x_title, log_x),
        yaxis=_axis(y_title, log_y),
        legend=LEGEND,
        shapes=[{**MARK, "x0": mark, "x1": mark} for mark in marks if figure.data],
        showlegend=True,
        uirevision="curves",  # new points leave the reader's zoom alone
    )
    return figure


def _axis(title: str, is_log: bool) -> dict[str, Any]:
    return log_axis(title) if is_log else number_axis(title, type="linear", showgrid=True)
