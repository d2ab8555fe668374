"""The picture of the page Why this word, for page, file and notebook."""

from typing import TYPE_CHECKING

import numpy as np

from core.analysis.trace.trace import Trace
from explorer.app_pages.why.figures import amounts_figure
from explorer.figures.axes import signed
from explorer.figures.head import piece_labels, token_label
from explorer.figures.standalone import Picture
from explorer.head.matrix import column_labels

if TYPE_CHECKING:
    from core.analysis.contrast.attribution import Contrast

FOOT = (
    "To leave a piece out, its embedding is set to zero; its position stays. A bar of +1 logit makes the first "
    "candidate e = 2.7 times as probable against the second. The bar of <s>, which every translation begins with, is the "
    "model’s habit at this step."
)


def labels_of(trace: Trace, found: "Contrast") -> tuple[list[str], list[str]]:
    """The names of the source pieces, and of what was read up to the step."""
    read = trace.consumed[: len(found.prefix)]
    return column_labels(trace, "cross"), piece_labels(piece.name for piece in read)


def in_words(found: "Contrast", one: str, two: str) -> str:
    """How much more probable the first candidate is."""
    return (
        f"“{one}” is {np.exp(found.difference):,.3g} times as probable as “{two}” here: a difference of "
        f"{signed(found.difference, 2, plus=True)} logits."
    )


def amounts_picture(trace: Trace, found: "Contrast", one: str, two: str) -> Picture:
    """What each piece adds to the first candidate against the second.

    Args:
        one, two: the candidates as they are read.
    """
    names, prefix = labels_of(trace, found)
    figure = amounts_figure(
        found.source,
        found.prefix,
        source_names=list(map(token_label, names)),
        prefix_names=list(map(token_label, prefix)),
        wanted=token_label(one),
        other=token_label(two),
        limit=float(max(np.abs(found.source).max(), np.abs(found.prefix).max(), 1e-6)),
    )
    title = f"Why “{one}” and not “{two}”, step {found.step + 1}"
    return Picture(title, figure, f"{in_words(found, one, two)} {FOOT}")
