"""What each piece adds to one candidate against another, as bars."""

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.figures.axes import MARGIN, Array, label_axis, number_axis

FOR, AGAINST = "#0072b2", "#d55e00"
LEAST_PX = 22


def amounts_figure(
    source: Array,
    prefix: Array,
    *,
    source_names: Sequence[str],
    prefix_names: Sequence[str],
    wanted: str,
    other: str,
    limit: float,
) -> go.Figure:
    """A bar a piece, source left and prefix right: up for the wanted candidate, down for the other.

    Args:
        source, prefix: amounts in logits.
        source_names, prefix_names, wanted, other: already escaped.
        limit: where the scale ends, both ways.
    """
    figure = go.Figure()
    for amounts, names, axis, of in (
        (source, source_names, "", "source"),
        (prefix, prefix_names, "2", "written before"),
    ):
        figure.add_bar(
            x=list(range(len(names))),
            y=amounts,
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            marker_color=[FOR if amount >= 0 else AGAINST for amount in amounts],
            customdata=[wanted if amount >= 0 else other for amount in amounts],
            text=list(names),
            textposition="none",
            hovertemplate=f"%{{text}} ({of}): %{{y:+.2f}} for %{{customdata}}<extra></extra>",
            showlegend=False,
        )
    share = max(0.2, min(0.8, len(source) / max(len(source) + len(prefix), 1)))
    scale = {"range": [-1.2 * limit, 1.2 * limit], "showgrid": True, "zeroline": True}
    return figure.update_layout(
        height=340,
        margin=MARGIN,
        xaxis={
            **label_axis(list(source_names), title={"text": "source"}),
            "domain": [0, share - 0.03],
        },
        xaxis2={
            **label_axis(list(prefix_names), title={"text": "written before"}),
            "domain": [share + 0.03, 1],
            "anchor": "y2",
        },
        yaxis=number_axis(f"for {wanted}, against {other} (logits)", **scale),
        yaxis2={
            **number_axis("", **scale),
            "anchor": "x2",
            "showticklabels": False,
            "matches": "y",
        },
    )
