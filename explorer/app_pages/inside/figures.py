"""Figures of Equation 1 for one head: Q blue, K red, V green, attention purple."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.analysis.heads.measures import entropy_nats
from core.analysis.heads.walk import Walk
from explorer.figures.axes import MOST_LABELS, Array, label_axis, largest, signed, signed_heat_map
from explorer.figures.colours import MARK, ROLES, share_scale, signed_scale, weight_scale

MOST_KEYS_WITH_NUMBERS = 18
KEYS, PRODUCTS, SCALED, MASKED, SOFTMAX, VALUES = range(1, 7)  # rows of the picture
HEIGHTS = (0.36, 0.07, 0.07, 0.07, 0.07, 0.36)


def walk_figure(walked: Walk, *, keys: Sequence[str]) -> go.Figure:
    """All stages of Equation 1 for one query, one below the other; every column is one key.

    The narrow column on the left holds q (above) and the head's output (below). q and K share a
    scale, and so do the weighted values and their sum; both are symmetric around zero.

    Args:
        keys: labels, already escaped (`token_label`).

    Raises:
        ValueError: if there is not one label a key.
    """
    _require_labels(keys, len(walked.products))
    figure = make_subplots(
        6,
        2,
        column_widths=[0.06, 0.94],
        row_heights=list(HEIGHTS),
        horizontal_spacing=0.1,
        vertical_spacing=0.022,
        shared_xaxes="columns",
    )
    _add_vectors(figure, walked)
    _add_strips(figure, walked)
    figure.update_layout(height=760, margin={"l": 10, "r": 10, "t": 10, "b": 10})
    figure.update_xaxes(visible=False, col=1)
    figure.update_xaxes(label_axis(keys, showticklabels=False), col=2)
    figure.update_xaxes(row=KEYS, col=2, side="top", showticklabels=True, tickangle=-45)
    return figure


def least_width_px(n_keys: int) -> int:
    """The width at which the numbers of `walk_figure` fit side by side."""
    return 150 + 38 * min(n_keys, MOST_KEYS_WITH_NUMBERS)


def softmax_figure(walked: Walk, *, keys: Sequence[str]) -> go.Figure:
    """The softmax with 1/√d_k above, without it below, on one scale; entropies in the titles.

    Args:
        keys: labels, already escaped (`token_label`).

    Raises:
        ValueError: if there is not one label a key.
    """
    _require_labels(keys, len(walked.products))
    pair = {
        f"with 1/√{len(walked.query)}": walked.weights,
        "without it": walked.weights_unscaled,
    }
    titles = [f"{name}: entropy {entropy_nats(weights):.2f} nats" for name, weights in pair.items()]
    figure = make_subplots(2, 1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.16)
    for row, (name, weights) in enumerate(pair.items(), start=1):
        bar = go.Bar(
            x=np.arange(len(keys)),
            y=weights,
            marker_color=ROLES["attention"].mark,
            customdata=list(keys),
            hovertemplate=f"{name}<br>%{{customdata}}: <b>%{{y:.3f}}</b><extra></extra>",
            text=[number if number != "0.00" else "" for number in _numbers(weights)],
            textposition="outside",
            cliponaxis=False,
        )
        figure.add_trace(bar, row, 1)
    figure.update_xaxes(label_axis(keys, tickangle=-45))
    figure.update_yaxes(
        automargin=True, range=[0, 1.15], tickvals=[0, 0.5, 1], title="weight", zeroline=False
    )
    figure.update_layout(
        height=400, margin={"l": 10, "r": 10, "t": 40, "b": 10}, showlegend=False, bargap=0.25
    )
    return figure


def most_entropy_nats(walked: Walk) -> float:
    """The entropy of even weights over the visible keys: the largest that a softmax can have."""
    return math.log(max(1, int(walked.visible.sum())))


def head_norms_figure(
    norms: Array, *, rows: Sequence[str], row_title: str, marked: tuple[int, int] | None = None
) -> go.Figure:
    """The norm of each head's contribution to the projected output: a row a query, a column a head.

    Args:
        norms: H q, as `share_norms` of `core.analysis.trace.head_internals.HeadInternals`.
        rows: one label per query, already escaped.
        marked: a row and a head to frame, from 0.

    Raises:
        ValueError: if there is not one label a query.
    """
    _require_labels(rows, norms.shape[1])
    shares = norms / np.maximum(norms.sum(axis=0), 1e-12)
    figure = go.Figure(
        go.Heatmap(
            z=norms.T,
            zmin=0,
            zmax=largest(norms),
            colorscale=weight_scale(),
            xgap=1,
            ygap=int(len(rows) <= MOST_LABELS),
            customdata=shares.T,
            hovertemplate="%{y}<br>head %{x}: norm <b>%{z:.2f}</b>, %{customdata:.0%} of the sum "
            "over heads<extra></extra>",
            colorbar={
                "thickness": 12,
                "title": {"text": "length", "side": "right"},
            },
        )
    )
    if len(norms) <= MOST_KEYS_WITH_NUMBERS and len(rows) <= MOST_LABELS:
        figure.update_traces(texttemplate="%{z:.1f}", textfont_size=11)
    heads = [str(number) for number in range(1, len(norms) + 1)]
    figure.update_layout(
        height=max(320, 26 * min(len(rows), MOST_LABELS) + 130),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis=label_axis(heads, side="top", title={"text": "head"}),
        yaxis=label_axis(rows, autorange="reversed", title={"text": row_title}),
    )
    if marked is not None:
        row, head = marked
        line = {"color": MARK, "width": 2}
        figure.add_hrect(y0=row - 0.5, y1=row + 0.5, line=line)
        figure.add_shape(
            type="rect", x0=head - 0.5, x1=head + 0.5, y0=row - 0.5, y1=row + 0.5,
            line={"color": MARK, "width": 5},
        )  # fmt: skip
    return figure


def _add_vectors(figure: go.Figure, walked: Walk) -> None:
    """q beside K above, the output beside the weighted values below; a row a dimension."""
    for row, roles, names, vector, columns in (
        (KEYS, ("query", "key"), ("q", "K"), walked.query, walked.keys),
        (VALUES, ("attention", "value"), ("output", "α v"), walked.output, walked.weighted),
    ):
        limit = largest(vector, columns)
        left = signed_heat_map(
            vector[:, None],
            limit=limit,
            hover=f"{names[0]}, dimension %{{y}}: <b>%{{z:.3f}}</b>",
            colorscale=signed_scale(roles[0]),
            showscale=False,
        )
        right = signed_heat_map(
            columns.T,
            limit=limit,
            hover=f"{names[1]} of %{{x}}, dimension %{{y}}: <b>%{{z:.3f}}</b>",
            colorscale=signed_scale(roles[1]),
            colorbar={"thickness": 12, "len": 0.34, "y": 0.83 if row == KEYS else 0.17},
            xgap=int(len(columns) <= MOST_LABELS),
        )
        figure.add_trace(left, row, 1)
        figure.add_trace(right, row, 2)
        for column, name, role in zip((1, 2), names, roles, strict=True):
            named = label_axis(
                [f"<b>{name}</b>"],
                tickvals=[(len(vector) - 1) / 2],
                tickfont={"color": ROLES[role].mark, "size": 19},
                autorange="reversed",
            )
            figure.update_yaxes(named, row=row, col=column)


def _add_strips(figure: go.Figure, walked: Walk) -> None:
    """One number a key: the product, scaled, masked (−∞ is drawn as the lowest), and its softmax."""
    masked = np.where(walked.visible, walked.scaled, -np.inf)
    limit = largest(walked.scaled)
    strips: tuple[tuple[int, str, Array, dict[str, Any]], ...] = (
        (PRODUCTS, "q·k", walked.products, _around_zero(largest(walked.products))),
        (SCALED, f"÷ √{len(walked.query)}", walked.scaled, _around_zero(limit)),
        (MASKED, "mask", masked, _around_zero(limit)),
        (SOFTMAX, "softmax", walked.weights, _share()),
    )
    for row, name, values, look in strips:
        strip = go.Heatmap(
            z=np.nan_to_num(values, neginf=-limit)[None],
            text=[_numbers(values)],
            texttemplate="%{text}" if len(values) <= MOST_KEYS_WITH_NUMBERS else None,
            hovertemplate=f"{name}: <b>%{{text}}</b><extra>%{{x}}</extra>",
            showscale=False,
            xgap=int(len(values) <= MOST_LABELS),
            **look,
        )
        figure.add_trace(strip, row, 2)
        figure.update_yaxes(label_axis([f"<b>{name}</b>"]), row=row, col=2)
        figure.update_yaxes(visible=False, row=row, col=1)


def _around_zero(limit: float) -> dict[str, Any]:
    return {"zmin": -limit, "zmax": limit, "colorscale": signed_scale("attention")}


def _share() -> dict[str, Any]:
    return {"zmin": 0, "zmax": 1, "colorscale": share_scale("attention")}


def _numbers(values: Array) -> list[str]:
    """As short as a cell is narrow; a hidden key's score is minus infinity."""

    def number(value: float) -> str:
        if math.isinf(value):
            return "−∞"
        return signed(value, n_digits=2 if abs(value) < 9.995 else 1)

    return [number(float(value)) for value in values]


def _require_labels(labels: Sequence[str], n: int) -> None:
    if len(labels) != n:
        raise ValueError(f"{len(labels)} labels do not fit {n} columns or rows")
