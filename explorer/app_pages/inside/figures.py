"""How much each head adds to the output of a layer."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.axes import MOST_LABELS, Array, label_axis, largest
from explorer.figures.colours import MARK, weight_scale
from explorer.figures.head import numbers_in_cells, with_click_targets

MOST_HEADS_WITH_NUMBERS = 18
HOVER = (
    "%{y}<br>head %{x}: length <b>%{z:.2f}</b>, %{customdata:.0%} of the sum over heads"
    "<extra></extra>"
)


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
    if len(rows) != norms.shape[1]:
        raise ValueError(f"{len(rows)} labels do not fit {norms.shape[1]} rows")
    figure = go.Figure(
        go.Heatmap(
            z=norms.T,
            zmin=0,
            zmax=largest(norms),
            colorscale=weight_scale(),
            xgap=1,
            ygap=int(len(rows) <= MOST_LABELS),
            customdata=_shares(norms).T,
            hovertemplate=HOVER,
            colorbar={
                "thickness": 12,
                "title": {"text": "length", "side": "right"},
            },
        )
    )
    if len(norms) <= MOST_HEADS_WITH_NUMBERS and len(rows) <= MOST_LABELS:
        numbers = [[f"{length:.1f}" for length in row] for row in norms.T]
        figure.add_trace(numbers_in_cells(norms.T / largest(norms), numbers))
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


def clickable(figure: go.Figure, norms: Array) -> go.Figure:
    """The same with a target for clicks on every cell: its head is the first of `customdata`.

    Args:
        norms: those of `head_norms_figure`.
    """
    heads = [str(number) for number in range(1, len(norms) + 1)]
    figure = with_click_targets(figure, norms.T, columns=heads)
    shares, targets = _shares(norms), figure.data[-1]
    targets.customdata = [
        [head, length, float(shares[int(head) - 1, row])]
        for row, (head, length) in zip(targets.y, targets.customdata, strict=True)
    ]
    targets.hovertemplate = (
        HOVER.replace("%{x}", "%{customdata[0]}")
        .replace("%{z", "%{customdata[1]")
        .replace("%{customdata:", "%{customdata[2]:")
    )
    return figure


def _shares(norms: Array) -> Array:
    """Of the sum over heads: H q."""
    shares: Array = norms / np.maximum(norms.sum(axis=0), 1e-12)
    return shares
