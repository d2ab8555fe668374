"""Score against cost: one point for each model, with the interval of its score."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures.axes import MARGIN, log_axis, number_axis
from explorer.figures.colours import OKABE_ITO

SYMBOLS = {
    "circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "triangle-down": "▼",
    "cross": "✚", "star": "★", "x": "✖",
}  # fmt: skip
"""Plotly's names, and the characters that look so."""
HEIGHT_PX, WIDTH_PX = 340, 520
"""Of the plot, as far as the placing of names cares."""
SAME, APART, NEAREST = 0.01, 0.022, 0.012
"""Shares of the width. Costs within the first are the same, and such points stand the second apart.
No two points stand nearer than the third."""
LETTER_PX, LINE_PX, GAP_PX = 6.5, 13, 8
TICK_FACTORS = (
    (4, (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9)),
    (10, (1, 1.5, 2, 3, 4, 5, 6, 8)),
    (math.inf, (1, 2, 5)),
)
"""Of axes that span at most so many times: the numbers that are written in each power of ten."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, slots=True)
class Point:
    """A model: its name, its group of models, its cost and its score."""

    name: str
    group: str
    x: float
    y: float
    interval: tuple[float, float] | None = None


def quality_figure(
    points: Sequence[Point], groups: Sequence[str], *, x_title: str, y_title: str
) -> go.Figure:
    """Scores over costs on a logarithmic axis; groups differ in colour and shape.

    Models of the same cost stand side by side. A name is written where there is room for it, and
    pointing at a model tells its name and numbers.

    Args:
        groups: all groups, in the order of their colours.
    """
    figure = go.Figure()
    if not points:
        return figure
    places, positions = side_by_side(points), name_positions(points)
    for number, group in enumerate(groups):
        members = [point for point in points if point.group == group]
        figure.add_scatter(
            x=[places[point.name] for point in members],
            y=[point.y for point in members],
            error_y=_intervals(members),
            name=group,
            mode="markers+text",
            text=[point.name if positions[point.name] else "" for point in members],
            textposition=[positions[point.name] or "top center" for point in members],
            textfont_size=11,
            customdata=[[point.name, _interval(point), point.x] for point in members],
            marker={"symbol": list(SYMBOLS)[number], "color": OKABE_ITO[number], "size": 9},
            cliponaxis=False,
            hovertemplate="<b>%{customdata[0]}</b>: %{y:.2f}%{customdata[1]}"
            "<br>%{customdata[2]:,.4g} " + x_title + "<extra></extra>",
        )
    low, high = min(places.values()), max(places.values())
    margin = 0.06 * (math.log10(high / low) or 1)
    figure.update_layout(
        height=HEIGHT_PX,
        margin={**MARGIN, "t": 20},
        xaxis=log_axis(
            x_title,
            **_ticks(low, high),
            range=[math.log10(low) - margin, math.log10(high) + margin],
        ),
        yaxis=number_axis(y_title, showgrid=True),
        showlegend=False,
    )
    return figure


def legend_html(groups: Sequence[str]) -> str:
    """The groups with the colours and shapes that they have in every figure."""
    parts = (
        f'<span><span style="color:{colour}">{symbol}</span> {group}</span>'
        for group, symbol, colour in zip(groups, SYMBOLS.values(), OKABE_ITO, strict=False)
    )
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:0 1rem;font-size:0.875rem">'
        f"{''.join(parts)}</div>"
    )


def side_by_side(points: Sequence[Point]) -> dict[str, float]:
    """Name -> where the point is drawn: those of the same cost next to one another by score.

    A point that would then stand on its left neighbour moves right, just far enough.
    """
    step, nearest = APART * _width(points), NEAREST * _width(points)
    spread = {
        point.name: _middle(row) + (number - (len(row) - 1) / 2) * step
        for row in _of_same_cost(points)
        for number, point in enumerate(row)
    }
    places, left = {}, -math.inf
    for name, place in sorted(spread.items(), key=lambda item: item[1]):
        left = max(place, left + nearest)
        places[name] = math.exp(left)
    return places


def _of_same_cost(points: Sequence[Point]) -> list[list[Point]]:
    """From left to right; each by score."""
    left, rows = sorted(points, key=lambda point: point.x), []
    while left:
        same = [point for point in left if math.log(point.x / left[0].x) <= SAME * _width(points)]
        left = left[len(same) :]
        rows.append(sorted(same, key=lambda point: point.y))
    return rows


def _middle(row: Sequence[Point]) -> float:
    return sum(math.log(point.x) for point in row) / len(row)


def name_positions(points: Sequence[Point]) -> dict[str, str]:
    """Name -> Plotly's position of its text; empty where it would lie on a mark or another name."""
    marks = _marks(points)
    taken = [box for mark in marks.values() for box in (mark.box, mark.bar)]
    found = {}
    for name, mark in sorted(marks.items(), key=lambda item: item[1].x):
        boxes = _text_boxes(name, mark.x, mark.y)
        free = [
            position
            for position, box in boxes.items()
            if not any(_overlap(box, other) for other in taken)
        ]
        found[name] = free[0] if free else ""
        if free:
            taken.append(boxes[free[0]])
    return found


def _width(points: Sequence[Point]) -> float:
    return math.log(max(p.x for p in points) / min(p.x for p in points)) or 1.0


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a point is drawn, in pixels right and down, and the ends of its interval."""

    x: float
    y: float
    top: float
    bottom: float

    @property
    def box(self) -> Box:
        return (self.x - 5, self.y - 5, self.x + 5, self.y + 5)

    @property
    def bar(self) -> Box:
        return (self.x - 1, self.top, self.x + 1, self.bottom)


def _marks(points: Sequence[Point]) -> dict[str, _Mark]:
    """Name -> the point in the picture."""
    places, width = side_by_side(points), _width(points)
    left = math.log(min(point.x for point in points))
    ends = [end for point in points for end in (point.interval or (point.y, point.y))]
    height = max(ends) - min(ends) or 1.0

    def down(score: float) -> float:
        return (max(ends) - score) / height * HEIGHT_PX * 0.7

    return {
        point.name: _Mark(
            x=(math.log(places[point.name]) - left) / width * WIDTH_PX,
            y=down(point.y),
            top=down((point.interval or (point.y, point.y))[1]),
            bottom=down((point.interval or (point.y, point.y))[0]),
        )
        for point in points
    }


def _text_boxes(name: str, x: float, y: float) -> dict[str, Box]:
    """Plotly's name of a position -> the box of the text there."""
    width, half = LETTER_PX * len(name), LINE_PX / 2
    return {
        "middle right": (x + GAP_PX, y - half, x + GAP_PX + width, y + half),
        "middle left": (x - GAP_PX - width, y - half, x - GAP_PX, y + half),
        "top center": (x - width / 2, y - GAP_PX - LINE_PX, x + width / 2, y - GAP_PX),
        "bottom center": (x - width / 2, y + GAP_PX, x + width / 2, y + GAP_PX + LINE_PX),
    }


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _ticks(low: float, high: float) -> dict[str, list[float] | list[str]]:
    factors = next(factors for most, factors in TICK_FACTORS if high / low <= most)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    values = [factor * 10.0**power for power in powers for factor in factors]
    return {"tickvals": values, "ticktext": [f"{value:,.4g}" for value in values]}


def _intervals(points: Sequence[Point]) -> dict[str, object]:
    """Bars from each score to the ends of its interval, where there are intervals."""
    known = [point.interval or (point.y, point.y) for point in points]
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - point.y for point, (_, high) in zip(points, known, strict=True)],
        "arrayminus": [point.y - low for point, (low, _) in zip(points, known, strict=True)],
        "visible": any(point.interval for point in points),
        "thickness": 1.2,
        "width": 0,
    }


def _interval(point: Point) -> str:
    return f" [{point.interval[0]:.2f}, {point.interval[1]:.2f}]" if point.interval else ""
