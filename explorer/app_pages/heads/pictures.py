"""The pictures of the Heads page, for page, file and notebook."""

from collections.abc import Sequence

from core.analysis.head_place import KIND_NAMES
from explorer.choice.page_context import PageContext
from explorer.components.overview import component as overview
from explorer.components.overview.component import TILES_NOTE
from explorer.figures import vector
from explorer.figures.standalone import Mounted, Picture
from explorer.head import one_head
from explorer.head.matrix import column_labels, column_title, row_labels, row_title


def head_pictures(shown: PageContext) -> list[Picture]:
    """All heads of the chosen kind of attention, and the chosen one enlarged."""
    kind = shown.view.kind
    tiles = overview.payload(shown.trace.weights[kind], shown.place)
    return [
        Picture(
            f"{KIND_NAMES[kind]}: all heads",
            Mounted(overview.SCRIPT, overview.STYLE, tiles),
            TILES_NOTE,
        ),
        one_head.picture(shown),
    ]


def heads_svg(shown: PageContext, caption: Sequence[str] = ()) -> str:
    """All heads of the chosen kind of attention for print, with their weights."""
    trace, kind = shown.trace, shown.view.kind
    return vector.heads_svg(
        trace.weights[kind],
        rows=row_labels(trace, kind),
        columns=column_labels(trace, kind),
        row_title=row_title(kind),
        column_title=column_title(kind),
        title=f"{KIND_NAMES[kind]}: all heads",
        about=f"{trace.source.text} → {trace.target.text}",
        caption=caption,
    )
