"""What every head of one kind does over a text, as a heat map."""

import numpy as np
import plotly.graph_objects as go

from core.evaluation.ratios import Ratios
from explorer.figures.axes import label_axis, largest
from explorer.figures.colours import weight_scale
from explorer.figures.head import numbers_in_cells


def heads_figure(means: Ratios, *, number: str) -> go.Figure:
    """Layers from top to bottom, heads from left to right; hovering tells the interval.

    Args:
        means: N H.
        number: what a number is.
    """
    values = means.values
    limit = largest(values)
    n_layers, n_heads = values.shape
    intervals = [
        [
            f"{means.low[cell]:.2f} to {means.high[cell]:.2f}"
            for cell in ((layer, head) for head in range(n_heads))
        ]
        for layer in range(n_layers)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=values, zmin=0, zmax=limit, colorscale=weight_scale(), xgap=1, ygap=1,
            customdata=np.array(intervals),
            hovertemplate="layer %{y}, head %{x}: <b>%{z:.2f}</b>, 95 % interval %{customdata}<extra></extra>",
            colorbar={"title": {"text": number, "side": "right"}, "thickness": 12},
        )
    )  # fmt: skip
    figure.add_trace(
        numbers_in_cells(values / limit, [[f"{value:.2f}" for value in row] for row in values])
    )
    return figure.update_layout(
        height=44 * n_layers + 110,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis=label_axis(
            [str(n) for n in range(1, n_heads + 1)], side="top", title={"text": "head"}
        ),
        yaxis=label_axis(
            [str(n) for n in range(1, n_layers + 1)], autorange="reversed", title={"text": "layer"}
        ),
    )
