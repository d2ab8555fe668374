"""The map of contributions, for page, file and notebook."""

from typing import TYPE_CHECKING

import numpy as np

from core.analysis.trace.trace import Trace
from explorer.figures.head import Scale, token_label
from explorer.figures.split import split_figure
from explorer.figures.standalone import Picture
from explorer.head.matrix import column_labels, row_labels, row_title

if TYPE_CHECKING:
    from core.analysis.contributions.rollout import Contributions

MAP_NOTE = (
    "Left of the line the source, right of it what the decoder has read. Each row adds up to 1; the bars are the "
    "source’s share. Feed-forward sub-layers are not taken apart."
)


def map_picture(trace: Trace, found: "Contributions", depth: int) -> Picture:
    """What source and prefix contribute to every step, after one decoder layer.

    Args:
        depth: the layer, from 1.
    """
    source, prefix = found.source[depth - 1], found.prefix[depth - 1]
    columns = [*column_labels(trace, "cross"), *column_labels(trace, "decoder")]
    figure = split_figure(
        np.hstack((source, prefix)),
        source.sum(-1),
        source.shape[1],
        rows=list(map(token_label, row_labels(trace, "cross"))),
        columns=list(map(token_label, columns)),
        row_title=row_title("cross"),
        column_title="source | read so far",
        bar_title="source",
        bar_says="of this step comes from the source",
        scale=Scale("share"),
    )
    return Picture(f"Contributions after decoder layer {depth}", figure, MAP_NOTE)
