"""A heat map whose columns fall into two parts, with a bar at each row for one of them.

Labels are already escaped (`token_label`).
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.figures.axes import Array, label_axis
from explorer.figures.colours import MARK, ROLES
from explorer.figures.head import Scale, head_figure

MAP_SHARE, BARS_FROM = 0.84, 0.86
"""The heat map's share of the width, and where the bars begin."""
COLOURS_AT = 1.1
"""The place of the colour bar, right of the percentages."""


def split_figure(
    weights: Array,
    shares: Array,
    split_at: int,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    row_title: str,
    column_title: str,
    bar_title: str,
    bar_says: str,
    scale: Scale | None = None,
) -> go.Figure:
    """One matrix with its columns in two parts, and each row's share of one part.

    Args:
        weights: rows x columns.
        shares: of each row, 0 to 1.
        split_at: the first column of the second part.
        bar_says: what a share is of, where a bar is pointed at.
    """
    figure = head_figure(
        weights,
        rows=rows,
        columns=columns,
        row_title=row_title,
        column_title=column_title,
        scale=scale or Scale(),
    )
    figure.add_bar(
        x=shares,
        y=list(range(len(rows))),
        orientation="h",
        xaxis="x2",
        yaxis="y2",
        marker_color=ROLES["attention"].mark,
        hovertemplate=f"%{{x:.0%}} {bar_says}<extra></extra>",
        showlegend=False,
    )
    figure.add_vline(split_at - 0.5, line={"width": 3, "color": MARK})
    figure.data[0].colorbar.x = COLOURS_AT
    percentages = label_axis([f"{share:.0%}" for share in shares])
    figure.update_layout(
        xaxis_domain=[0, MAP_SHARE],
        yaxis2={**percentages, "matches": "y", "anchor": "x2", "side": "right"},
        xaxis2={
            "domain": [BARS_FROM, 1],
            "anchor": "y2",
            "range": [0, 1],
            "tickvals": [0, 1],
            "ticktext": ["0", "1"],
            "title": {"text": bar_title},
            "showgrid": False,
            "zeroline": False,
        },
    )
    return figure
