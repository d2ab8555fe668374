"""The pictures of the page Inside attention, for page, file and notebook."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import plotly.graph_objects as go

from core.analysis.heads.measures import keys_of
from core.text.pieces import Piece
from explorer.app_pages.inside.fields import InsideFields
from explorer.app_pages.inside.figures import head_norms_figure
from explorer.app_pages.inside.sentences import (
    HeadRow,
    caveat,
    rows_of,
    stages,
    story,
    without_scale,
)
from explorer.choice.page_context import PageContext
from explorer.components.equation import component as equation
from explorer.components.equation.component import EquationRow, Token, fits
from explorer.figures.axes import largest
from explorer.figures.head import piece_labels, token_label
from explorer.figures.standalone import Mounted, Picture
from explorer.head.matrix import row_labels, row_title

if TYPE_CHECKING:
    from core.analysis.trace.head_internals import HeadInternals

COLOURS_NOTE = "Colour is above zero, grey below. Point at a cell for its numbers; drag a score."


def inside_pictures(shown: PageContext, inside: "HeadInternals") -> tuple[Picture, Picture]:
    """Equation 1, row by row, and the shares of all heads."""
    title = f"{shown.place.name}, row {row_labels(shown.trace, shown.view.kind)[shown.query]}"
    data = equation_data(shown, inside, can_ask=False)
    return (
        Picture(title, Mounted(equation.SCRIPT, equation.STYLE, data), COLOURS_NOTE),
        Picture("How much each head adds to each row", norms_figure(shown, inside)),
    )


def equation_data(shown: PageContext, inside: "HeadInternals", *, can_ask: bool = True) -> bytes:
    """The data of Equation 1: all rows of the head on show, or of a long text the chosen one.

    Args:
        can_ask: whether the browser can ask for other rows.
    """
    trace, kind = shown.trace, shown.view.kind
    (n_rows, d_k), (n_keys, d_v) = inside.query.shape, inside.value.shape
    queries = range(n_rows) if fits(n_rows, n_keys, d_k, d_v) else [shown.query]
    sides: dict[str, tuple[Literal["source", "target"], Literal["source", "target"]]] = {
        "encoder": ("source", "source"),
        "decoder": ("target", "target"),
        "cross": ("target", "source"),
    }
    return equation.payload(
        [
            _equation_row(query + 1, row)
            for query, row in zip(queries, rows_of(shown, inside, queries), strict=True)
        ],
        title=shown.place.name,
        head=f"{shown.folder} {shown.choice.run} {shown.place.label}",
        queries=_queries(shown),
        keys=_tokens(keys_of(trace, kind)),
        sides=sides[kind],
        row=shown.query + 1,
        stage=shown.of(InsideFields).stage,
        limits=(largest(inside.query), largest(inside.key)),
        can_ask=can_ask,
    )


def _equation_row(number: int, row: HeadRow) -> EquationRow:
    return EquationRow(number, row.walked, story(row), stages(row), without_scale(row), caveat(row))


def _queries(shown: PageContext) -> list[Token]:
    """The rows; a step is named by what it consumes, and belongs to the word that it writes."""
    trace = shown.trace
    if shown.view.kind == "encoder":
        return _tokens(trace.source.pieces)
    asking = piece_labels(piece.name for piece in trace.consumed)
    written = _tokens(trace.target.pieces)
    return [
        Token(label, token.word, token.label) for label, token in zip(asking, written, strict=True)
    ]


def _tokens(pieces: Sequence[Piece]) -> list[Token]:
    labels = piece_labels(piece.name for piece in pieces)
    return [Token(label, piece.word) for label, piece in zip(labels, pieces, strict=True)]


def norms_figure(shown: PageContext, inside: "HeadInternals") -> go.Figure:
    """The shares of all heads, the row and the head on show framed."""
    rows = row_labels(shown.trace, shown.view.kind)
    return head_norms_figure(
        inside.share_norms,
        rows=[token_label(label) for label in rows],
        row_title=row_title(shown.view.kind),
        marked=(shown.query, shown.place.head),
    )
