"""Figures of second attempts: attention to source and draft, probabilities, and whole texts.

Labels are already escaped (`token_label`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.axes import MARGIN, Array, label_axis, number_axis
from explorer.figures.colours import OKABE_ITO, ROLES

LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
HEIGHT_PX = 320
WITH, WITHOUT = ROLES["attention"].mark, "#808080"


def probability_figure(names: Sequence[str], with_: Array, without: Array) -> go.Figure:
    """The probability of each token of a second attempt with its draft, and with an empty one.

    Args:
        with_, without: log-probabilities in nats.
    """
    figure = go.Figure(
        [
            go.Bar(
                y=np.exp(nats),
                name=name,
                marker_color=colour,
                customdata=nats,
                hovertemplate=f"%{{x}}, {name}: %{{y:.3f}} (%{{customdata:.2f}} nats)<extra></extra>",
            )
            for name, nats, colour in (
                ("with this draft", with_, WITH),
                ("with an empty draft", without, WITHOUT),
            )
        ]
    )
    return figure.update_layout(
        height=HEIGHT_PX,
        margin=MARGIN,
        legend=LEGEND,
        xaxis=label_axis(names),
        yaxis=number_axis("probability", range=[0, 1.02], showgrid=True),
    )


def rewards_figure(first: Array, second: Array, is_right: float, reward: str) -> go.Figure:
    """The reward of the second attempt over that of the first, a point a problem."""
    figure = go.Figure(
        go.Scattergl(
            x=first,
            y=second,
            mode="markers",
            marker={"size": 5, "opacity": 0.35, "color": OKABE_ITO[0]},
            hovertemplate="first %{x:.2f}, second %{y:.2f}<extra></extra>",
            showlegend=False,
        )
    )
    line = {"width": 1, "dash": "dot", "color": "#808080"}
    figure.add_vline(is_right, line=line)
    figure.add_hline(is_right, line=line)
    figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"width": 1, "color": "#808080"})
    axis = {"range": [-0.02, 1.02], "showgrid": True}
    return figure.update_layout(
        height=HEIGHT_PX + 40,
        margin=MARGIN,
        xaxis=number_axis(f"{reward} of the first attempt", **axis),
        yaxis=number_axis(f"{reward} of the second", **axis),
    )


def edits_figure(by_name: Mapping[str, Array]) -> go.Figure:
    """How far second attempts are from first ones: shares of all problems, a line a method."""
    edges = np.linspace(0, 1, 11)
    figure = go.Figure()
    for number, (name, edits) in enumerate(by_name.items()):
        changed = edits[edits > 0]
        counts = np.histogram(changed, edges)[0] / max(len(edits), 1)
        figure.add_bar(
            x=["unchanged", *(f"{low:.0%} to {low + 0.1:.0%}" for low in edges[:-1])],
            y=[1 - len(changed) / max(len(edits), 1), *counts],
            name=name,
            marker_color=OKABE_ITO[number % len(OKABE_ITO)],
            hovertemplate=f"{name}, %{{x}}: %{{y:.1%}} of all problems<extra></extra>",
        )
    return figure.update_layout(
        height=HEIGHT_PX,
        margin=MARGIN,
        legend=LEGEND,
        xaxis={"title": {"text": "characters changed"}, "automargin": True},
        yaxis=number_axis("share of problems", tickformat=".0%", showgrid=True),
    )


def course_figure(
    steps: Sequence[int],
    lines: Mapping[str, Sequence[float | None]],
    *,
    y_title: str,
    stages: Sequence[int],
) -> go.Figure:
    """Numbers over the updates of a training.

    Args:
        stages: the updates after which a new stage begins.
    """
    figure = go.Figure()
    for number, (name, values) in enumerate(lines.items()):
        figure.add_scatter(
            x=list(steps),
            y=list(values),
            name=name,
            mode="lines+markers",
            marker_size=4,
            line={"color": OKABE_ITO[number], "width": 2},
            hovertemplate=f"update %{{x:,}}, {name}: %{{y:.3g}}<extra></extra>",
        )
    for step in stages:
        figure.add_vline(
            step,
            line={"width": 1, "dash": "dot", "color": "#808080"},
            annotation={"text": "second stage", "showarrow": False, "xanchor": "left"},
        )
    return figure.update_layout(
        height=HEIGHT_PX - 40,
        margin=MARGIN,
        legend=LEGEND,
        xaxis=number_axis("updates"),
        yaxis=number_axis(y_title, showgrid=True),
    )
