"""Heads for print, as SVG: one enlarged, or all at once, with every label and a colour bar."""

from collections.abc import Sequence

from explorer.figures.axes import Array
from explorer.figures.colours import PALETTE, ink_on, weight_levels
from explorer.figures.drawing import Drawing
from explorer.figures.head import MOST_COLUMNS_WITH_NUMBERS, TICKS, Scale, cell_numbers
from explorer.figures.tiles import block_starts, pooled

GAP = 8.0
TITLE_PX, NAME_PX = 15.0, 12.0
LARGE_PX, SMALL_PX, MOST_LARGE = 26.0, 14.0, 40
"""Side of a cell of an enlarged head; the small one for more pieces than so many."""
TILE_CELL_PX, LEAST_TILE_PX = 10.0, 56.0
BAR_PX, LEAST_BAR_PX = 12.0, 150.0


def head_svg(
    weights: Array,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    row_title: str,
    column_title: str,
    title: str,
    about: str,
    scale: Scale,
    caption: Sequence[str] = (),
) -> str:
    """One head in the colours and with the numbers of `head_figure`.

    Args:
        weights: q k.
        rows, columns: labels as text, not escaped.
        about: what the picture shows, for screen readers; it is not drawn.
        caption: lines below the picture.

    Raises:
        ValueError: if there is not one label a row and one a column.
    """
    _check(weights, rows, columns)
    n_rows, n_columns = weights.shape
    cell = LARGE_PX if max(weights.shape) <= MOST_LARGE else SMALL_PX
    size = min(NAME_PX, cell - 3)
    colours = PALETTE[weight_levels(weights / scale.most)]
    drawing = Drawing()
    drawing.cells(colours, x=0, y=0, cell=cell, gap=cell == LARGE_PX)
    if n_columns <= MOST_COLUMNS_WITH_NUMBERS:
        _draw_numbers(drawing, weights, colours, cell)
    _draw_rows(drawing, rows, y=0, cell=cell, size=size)
    for column, label in enumerate(columns):
        drawing.text(cell * (column + 0.6), -GAP, label, size=size, turn=-45)
    _draw_bar(drawing, cell * n_columns + 3 * GAP, max(cell * n_rows, LEAST_BAR_PX), scale)
    _draw_names(drawing, cell * n_columns, cell * n_rows, row_title, column_title)
    _draw_title(drawing, title)
    drawing.caption(caption)
    return drawing.svg(title, about)


def heads_svg(
    weights: Array,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    row_title: str,
    column_title: str,
    title: str,
    about: str,
    caption: Sequence[str] = (),
) -> str:
    """All layers x heads, each as a tile; rows are named at the left tiles, columns at the top
    ones.

    Args:
        weights: N H q k. For long sentences, a tile's cell shows the maximum of a block, and the
            block's first piece is its label.
        rows, columns, about, caption: as in `head_svg`.

    Raises:
        ValueError: if there is not one label a row and one a column.
    """
    _check(weights[0, 0], rows, columns)
    rows = [rows[start] for start in block_starts(len(rows))]
    columns = [columns[start] for start in block_starts(len(columns))]
    cell, size = TILE_CELL_PX, TILE_CELL_PX - 1.5
    right, down = max(cell * len(columns), LEAST_TILE_PX) + GAP, cell * len(rows) + 2 * GAP
    drawing = Drawing()
    for layer, heads in enumerate(PALETTE[weight_levels(pooled(weights))]):
        for head, colours in enumerate(heads):
            drawing.cells(colours, x=head * right, y=layer * down, cell=cell)
        _draw_rows(drawing, rows, y=layer * down, cell=cell, size=size)
    n_layers, n_heads = weights.shape[:2]
    for head in range(n_heads):
        for column, label in enumerate(columns):
            x = head * right + cell * (column + 0.8)
            drawing.text(x, -GAP / 2, label, size=size, turn=-90)
    width, height = n_heads * right - GAP, n_layers * down - 2 * GAP
    top, left = drawing.top - GAP, drawing.left - GAP
    for head in range(n_heads):
        x = head * right + cell * len(columns) / 2
        drawing.text(x, top, f"Head {head + 1}", size=NAME_PX, anchor="middle")
    for layer in range(n_layers):
        y = layer * down + cell * len(rows) / 2
        drawing.text(left, y, f"Layer {layer + 1}", size=NAME_PX, anchor="middle", turn=-90)
    _draw_bar(drawing, width + 3 * GAP, max(min(height, 2 * LEAST_BAR_PX), LEAST_BAR_PX), Scale())
    _draw_names(drawing, width, height, row_title, column_title)
    _draw_title(drawing, title)
    drawing.caption(caption)
    return drawing.svg(title, about)


def _check(weights: Array, rows: Sequence[str], columns: Sequence[str]) -> None:
    if weights.shape != (len(rows), len(columns)):
        raise ValueError(
            f"weights of shape {weights.shape} do not fit {len(rows)} row and {len(columns)} "
            "column labels"
        )


def _draw_numbers(drawing: Drawing, weights: Array, colours: Array, cell: float) -> None:
    for row, numbers in enumerate(cell_numbers(weights)):
        for column, number in enumerate(numbers):
            fill = ink_on(str(colours[row, column]))
            place = cell * (column + 0.5), cell * (row + 0.5) + 4
            drawing.text(*place, number, size=11, anchor="middle", fill=fill)


def _draw_rows(
    drawing: Drawing, labels: Sequence[str], *, y: float, cell: float, size: float
) -> None:
    for row, label in enumerate(labels):
        middle = y + cell * (row + 0.5)
        drawing.text(-GAP, middle + size / 3, label, size=size, anchor="end")


def _draw_bar(drawing: Drawing, x: float, height: float, scale: Scale) -> None:
    """The colours of all numbers from 0; levels are square roots, so that small ones stay apart."""
    stops = [((level / 255) ** 2, str(PALETTE[level])) for level in range(0, 256, 5)]
    drawing.bar(stops, x=x, y=0, width=BAR_PX, height=height)
    for share in TICKS:
        number = f"{scale.most * share:.2f}".rstrip("0").rstrip(".")
        drawing.text(x + BAR_PX + 4, height * (1 - share) + 4, number, size=11)
    at = x + BAR_PX + 5 * GAP
    drawing.text(at, height / 2, scale.title, size=NAME_PX, anchor="middle", turn=90)


def _draw_names(
    drawing: Drawing, width: float, height: float, row_title: str, column_title: str
) -> None:
    """Names of both axes, outside of all labels."""
    left, top = drawing.left - GAP, drawing.top - GAP
    drawing.text(left, height / 2, row_title, size=NAME_PX, anchor="middle", turn=-90)
    drawing.text(width / 2, top, column_title, size=NAME_PX, anchor="middle")


def _draw_title(drawing: Drawing, title: str) -> None:
    drawing.text(drawing.left, drawing.top - GAP, title, size=TITLE_PX, weight="bold")
