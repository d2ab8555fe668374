"""Parts of several figures: axes with whole-number positions, heat maps of signed numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.colours import SIGNED_SCALE

Array = NDArray[np.floating[Any]]

MOST_LABELS = 64
LOG_TICKS = [factor * 10.0**power for power in range(-6, 10) for factor in (1, 2, 5)]
MARGIN = {"l": 10, "r": 10, "t": 50, "b": 10}


def label_axis(labels: Sequence[str], *, most: int = MOST_LABELS, **more: Any) -> dict[str, Any]:
    """Integer positions with the labels as tick text: equal tokens must not merge.

    Of more than `most` labels every n-th is written; hovering names the others too.
    """
    step = max(1, -(-len(labels) // most))
    unwritten = {str(place): label for place, label in enumerate(labels) if place % step}
    return {
        "tickmode": "array",
        "tickvals": list(range(0, len(labels), step)),
        "ticks": "outside",  # unseen: they keep the labels at a distance
        "tickcolor": "rgba(0,0,0,0)",
        "ticktext": list(labels[::step]),
        **({"labelalias": unwritten} if unwritten else {}),
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        **more,
    }


def number_axis(title: str, **more: Any) -> dict[str, Any]:
    """Positions, dimensions or distances: they are numbers, and few tick labels are enough."""
    return {
        "title": {"text": title},
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        **more,
    }


def log_axis(title: str, **more: Any) -> dict[str, Any]:
    """Numbers above 0 by their ratios; 1, 2 and 5 of every power of ten are written."""
    return {
        "title": {"text": title},
        "type": "log",
        "tickvals": LOG_TICKS,
        "ticktext": [f"{n:,.0f}" if n >= 1 else f"{n:g}" for n in LOG_TICKS],
        "automargin": True,
        "zeroline": False,
        **more,
    }


def signed_heat_map(values: Array, *, limit: float, hover: str, **more: Any) -> go.Heatmap:
    """A heat map on the symmetric scale -limit to limit."""
    return go.Heatmap(
        **{
            "z": values.astype(float),
            "zmin": -limit,
            "zmax": limit,
            "colorscale": SIGNED_SCALE,
            "hovertemplate": hover + "<extra></extra>",
            "colorbar": {"thickness": 12},
            **more,
        }
    )


def signed(value: float, n_digits: int = 2, *, plus: bool = False) -> str:
    """A number in print: `n_digits` digits after the point, and a true minus sign.

    Args:
        plus: whether zero and positive numbers get a plus sign.
    """
    rounded = round(value, n_digits) + 0.0  # no minus before zero
    return f"{rounded:{'+' if plus else ''}.{n_digits}f}".replace("-", "−")


def largest(*arrays: Array) -> float:
    """The largest absolute value, at least a hair above 0: the limit of a symmetric scale."""
    return max(1e-12, *(float(np.abs(array).max()) for array in arrays))
