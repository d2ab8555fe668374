"""Score against cost: one point for each model, with the interval of its score."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures.axes import MARGIN, log_axis, number_axis
from explorer.figures.colours import OKABE_ITO

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star", "x")
LEGEND = {"orientation": "h", "x": 0, "y": -0.25, "yanchor": "top"}
CLOSE = (0.16, 0.06)
"""Points closer than these shares of the picture's width and height leave no room for a name."""


@dataclass(frozen=True, slots=True)
class Point:
    """A model: its name, its group of models, its cost and its score."""

    name: str
    group: str
    x: float
    y: float
    interval: tuple[float, float] | None = None


def quality_figure(points: Sequence[Point], *, x_title: str, y_title: str) -> go.Figure:
    """Scores over costs; groups differ in colour and shape, and the cost is on a logarithmic axis.

    Where no other point is close, a model's name stands above it; pointing at any tells its name.
    """
    figure = go.Figure()
    groups = list(dict.fromkeys(point.group for point in points))
    for number, group in enumerate(groups):
        members = [point for point in points if point.group == group]
        figure.add_scatter(
            x=[point.x for point in members],
            y=[point.y for point in members],
            error_y=_intervals(members),
            name=group,
            mode="markers+text",
            text=[point.name if stands_alone(point, points) else "" for point in members],
            textposition="top center",
            textfont_size=11,
            customdata=[[point.name, _interval(point)] for point in members],
            marker={
                "symbol": SYMBOLS[number % len(SYMBOLS)],
                "color": OKABE_ITO[number % len(OKABE_ITO)],
                "size": 10,
            },
            cliponaxis=False,
            hovertemplate="<b>%{customdata[0]}</b>: %{y:.2f}%{customdata[1]}<br>%{x:,.4g}"
            "<extra></extra>",
        )
    figure.update_layout(
        height=420,
        margin={**MARGIN, "t": 20},
        xaxis=log_axis(x_title),
        yaxis=number_axis(y_title, showgrid=True),
        legend=LEGEND,
        showlegend=True,
    )
    return figure


def stands_alone(point: Point, points: Sequence[Point]) -> bool:
    """Whether no other point is so close that the names overlap."""
    width = math.log(max(p.x for p in points) / min(p.x for p in points)) or 1.0
    height = max(p.y for p in points) - min(p.y for p in points) or 1.0
    return all(
        other is point
        or abs(math.log(other.x / point.x)) > CLOSE[0] * width
        or abs(other.y - point.y) > CLOSE[1] * height
        for other in points
    )


def _intervals(points: Sequence[Point]) -> dict[str, object]:
    """Bars from each score to the ends of its interval, where there are intervals."""
    known = [point.interval or (point.y, point.y) for point in points]
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - point.y for point, (_, high) in zip(points, known, strict=True)],
        "arrayminus": [point.y - low for point, (low, _) in zip(points, known, strict=True)],
        "visible": any(point.interval for point in points),
    }


def _interval(point: Point) -> str:
    return f" [{point.interval[0]:.2f}, {point.interval[1]:.2f}]" if point.interval else ""
