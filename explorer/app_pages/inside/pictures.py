"""The pictures of the page Inside attention, for page, file and notebook."""

from typing import TYPE_CHECKING

from explorer.app_pages.inside.figures import head_norms_figure, softmax_figure, walk_figure
from explorer.app_pages.inside.sentences import caveat, row_of
from explorer.choice.page_context import PageContext
from explorer.figures.head import token_label
from explorer.figures.standalone import Picture
from explorer.head.matrix import row_labels, row_title

if TYPE_CHECKING:
    from core.analysis.trace.head_internals import HeadInternals
WALK_NOTE = "Every column is one key. Grey is below zero, colour above; point at it for numbers."


def inside_pictures(
    shown: PageContext, inside: "HeadInternals"
) -> tuple[Picture, Picture, Picture]:
    """Equation 1 for one query, its softmax with and without the scale, and the shares of all
    heads."""
    row = row_of(shown, inside)
    keys = [token_label(key) for key in row.keys]
    rows = row_labels(shown.trace, row.kind)
    norms = head_norms_figure(
        inside.share_norms,
        rows=[token_label(label) for label in rows],
        row_title=row_title(row.kind),
        marked=(shown.query, shown.place.head),
    )
    title = f"{shown.place.name}, row {rows[shown.query]}"
    return (
        Picture(title, walk_figure(row.walked, keys=keys), f"{caveat(row)} {WALK_NOTE}".strip()),
        Picture(
            "The softmax with the division by √d_k and without",
            softmax_figure(row.walked, keys=keys),
        ),
        Picture("How much each head adds to each row", norms),
    )
