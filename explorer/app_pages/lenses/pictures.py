"""The picture of the logit lens, for page, file and notebook."""

from typing import TYPE_CHECKING

from core.analysis.trace.trace import Trace
from explorer.app_pages.lenses.figures import grid_figure
from explorer.figures.head import piece_label, piece_labels, token_label
from explorer.figures.standalone import Picture

if TYPE_CHECKING:
    from core.analysis.lens.logit_lens import LogitLens

GRID_NOTE = (
    "The logit lens. Each row asks: if this layer were the last, which piece would be written? Brighter is more probable. "
    "The lowest row has only the piece that was just read, so it repeats it. Click a cell for its candidates."
)


def grid_picture(trace: Trace, found: "LogitLens", marked: tuple[int, int]) -> Picture:
    """What every decoder layer would write at every step.

    Args:
        marked: depth and step of the cell to frame, from 0.
    """
    steps = list(map(token_label, piece_labels(piece.name for piece in trace.target.pieces)))
    names = [[token_label(piece_label(cell[0])) for cell in layer] for layer in found.names]
    figure = grid_figure(
        names, found.probabilities[..., 0], found.ranks, steps=steps, marked=marked
    )
    return Picture("The logit lens: what each decoder layer would write", figure, GRID_NOTE)
