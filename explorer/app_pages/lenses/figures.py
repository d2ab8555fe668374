"""Figures of the lenses: what every decoder layer would write, and BLEU of every encoder layer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.analysis.lens.results import LensScores
from explorer.figures.axes import MARGIN, Array, label_axis, number_axis
from explorer.figures.cells import add_click_targets, add_mark, add_texts
from explorer.figures.colours import OKABE_ITO, PALETTE, ink_on, weight_levels, weight_scale

HEIGHT_PX = 300
LEAST_CELL_PX = 62


def depth_name(depth: int) -> str:
    """What is read: `Embeddings`, or `Layer 2`."""
    return f"Layer {depth}" if depth else "Embeddings"


def grid_figure(
    names: Sequence[Sequence[str]],
    probabilities: Array,
    ranks: NDArray[np.integer[Any]],
    *,
    steps: Sequence[str],
    marked: tuple[int, int],
) -> go.Figure:
    """The most probable token of every layer and step, the last layer on top.

    Args:
        names: depth x step, already escaped.
        probabilities: depth x step, of these tokens.
        ranks: depth x step, of the token that the step wrote.
        steps: what each step wrote, already escaped.
        marked: depth and step of the cell to frame.
    """
    n_depths, n_steps = probabilities.shape
    at = list(np.ndindex(probabilities.shape))
    colours = PALETTE[weight_levels(probabilities)]
    figure = go.Figure(
        go.Heatmap(
            z=probabilities,
            zmin=0,
            zmax=1,
            colorscale=weight_scale(),
            xgap=1,
            ygap=1,
            hoverinfo="skip",
            colorbar={"title": {"text": "probability", "side": "right"}, "thickness": 12},
        )
    )
    inks = [ink_on(str(colours[cell])) for cell in at]
    add_texts(figure, at, [names[depth][step] for depth, step in at], inks)
    add_mark(figure, marked)
    add_click_targets(
        figure,
        at,
        [
            f"{depth_name(d)}, step {s + 1}: {names[d][s]} {probabilities[d, s]:.1%}; what the step wrote is at rank "
            f"{ranks[d, s]:,}"
            for d, s in at
        ],
    )
    return figure.update_layout(
        height=max(220, 44 * n_depths + 90),
        margin=MARGIN,
        xaxis=label_axis(
            list(steps), title={"text": "what the step wrote"}, range=(-0.5, n_steps - 0.5)
        ),
        yaxis=label_axis([depth_name(n) for n in range(n_depths)], range=(-0.5, n_depths - 0.5)),
    )


def scores_figure(scores: LensScores) -> go.Figure:
    """BLEU of the translations that the decoder makes of each encoder layer."""
    figure = go.Figure()
    depths = [depth_name(depth) for depth in range(len(scores.bleu))]
    for number, (name, estimates) in enumerate((("BLEU", scores.bleu), ("chrF", scores.chrf))):
        figure.add_bar(
            x=depths,
            y=[each.value for each in estimates],
            name=name,
            marker_color=OKABE_ITO[number],
            error_y={
                "array": [each.interval_95[1] - each.value for each in estimates],
                "arrayminus": [each.value - each.interval_95[0] for each in estimates],
                "symmetric": False,
                "color": "#808080",  # seen on both backgrounds
            },
            hovertemplate=f"%{{x}}: {name} %{{y:.1f}}<extra></extra>",
        )
    return figure.update_layout(
        height=HEIGHT_PX,
        margin=MARGIN,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        xaxis={"title": {"text": "what the decoder reads"}, "automargin": True},
        yaxis=number_axis("score", showgrid=True, rangemode="tozero"),
    )
