"""One head enlarged: queries as rows, keys as columns, a number in every cell."""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.figures.axes import MOST_LABELS, label_axis
from explorer.figures.colours import MARK, PALETTE, ink_on, weight_levels, weight_scale
from explorer.figures.invisible import visible

MOST_COLUMNS_WITH_NUMBERS = 18
MOST_COLUMN_LABELS = 48
MOST_CLICK_TARGETS = 3_600
TICKS = (0, 0.1, 0.25, 0.5, 0.75, 1)
"""Numbers at the colour bar, as shares of the largest."""
HOVER = "%{y}<br>looks at <b>%{x}</b>: %{z:.3f}<extra></extra>"
SPACE, SHOWN_SPACE = "▁", "␣"
BYTE = re.compile("<0x([0-9A-F]{2})>")
"""A character that the vocabulary has not is written as its bytes (UTF-8)."""


def piece_label(name: str) -> str:
    """A token as readers see it: without the mark for a space, an ASCII byte as its character.

    Invisible characters have their names; see `visible`.
    """
    byte = BYTE.fullmatch(name)
    if byte:
        character = chr(int(byte[1], 16))
        is_read = character.isascii() and character.isprintable()
        return character.replace(" ", SHOWN_SPACE) if is_read else name
    return visible((name.removeprefix(SPACE) or SHOWN_SPACE).replace(SPACE, SHOWN_SPACE))


def piece_labels(names: Iterable[str]) -> list[str]:
    """Labels of consecutive pieces; a byte piece is a part of a character: “€ 1/3”."""
    labels: list[str] = []
    for is_byte, group in groupby(names, lambda name: bool(BYTE.fullmatch(name))):
        run = list(group)
        labels += _byte_labels(run) if is_byte else [piece_label(name) for name in run]
    return labels


def _byte_labels(names: Sequence[str]) -> list[str]:
    text = bytes(int(name[3:5], 16) for name in names).decode(errors="surrogateescape")
    labels: list[str] = []
    for character in text:
        n = len(character.encode(errors="surrogateescape"))
        parts = [f"{visible(character)} {part}/{n}" for part in range(1, n + 1)]
        labels += parts if n > 1 else [piece_label(names[len(labels)])]
    return labels


def token_label(label: str) -> str:
    """A token as a label for an axis, with HTML escaped."""
    return html.escape(label, quote=False)


@dataclass(frozen=True, slots=True)
class Scale:
    """The name of the numbers, and the number with the brightest colour."""

    title: str = "weight"
    most: float = 1.0


def head_figure(
    weights: NDArray[np.floating[Any]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    row_title: str,
    column_title: str,
    scale: Scale = Scale(),
    marked_row: int | None = None,
) -> go.Figure:
    """The numbers of one head as a heat map on a fixed scale from 0, weights up to 1.

    Args:
        weights: q k; attention weights of a query sum to 1.
        rows, columns: labels, already escaped (`token_label`).
        marked_row: a row to frame, from 0.

    Raises:
        ValueError: if there is not one label a row and one a column.
    """
    if weights.shape != (len(rows), len(columns)):
        raise ValueError(
            f"weights of shape {weights.shape} do not fit {len(rows)} row and {len(columns)} "
            "column labels"
        )
    n_rows, n_columns = weights.shape
    figure = go.Figure(
        go.Heatmap(
            z=weights.astype(np.float32),
            zmin=0,
            zmax=scale.most,
            colorscale=weight_scale(),
            xgap=int(n_columns <= MOST_COLUMN_LABELS),
            ygap=int(n_rows <= MOST_LABELS),
            hovertemplate=HOVER,
            colorbar={
                "title": {"text": scale.title, "side": "right"},
                "tickvals": [scale.most * share for share in TICKS],
                "tickformat": ".2~f",
                "thickness": 12,
            },
        )
    )
    if n_columns <= MOST_COLUMNS_WITH_NUMBERS:
        figure.add_trace(numbers_in_cells(weights / scale.most, cell_numbers(weights)))
    figure.update_layout(
        height=max(320, 26 * min(n_rows, MOST_LABELS) + 130),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis=label_axis(
            columns,
            most=MOST_COLUMN_LABELS,
            title={"text": column_title},
            side="top",
            tickangle=-45,
        ),
        yaxis=label_axis(rows, title={"text": row_title}, autorange="reversed"),
    )
    if marked_row is not None:
        figure.add_hrect(y0=marked_row - 0.5, y1=marked_row + 0.5, line={"color": MARK, "width": 2})
    return figure


def numbers_in_cells(
    shares: NDArray[np.floating[Any]], numbers: Sequence[Sequence[str]]
) -> go.Scatter:
    """The numbers of a heat map, each black or white as its cell asks for.

    A heat map's own `texttemplate` has two fixed colours, of 3.2:1 at worst.

    Args:
        shares: q k, of the brightest colour.
    """
    row, column = np.indices(shares.shape).reshape(2, -1)
    colours = PALETTE[weight_levels(shares)]
    return go.Scatter(
        x=column,
        y=row,
        mode="text",
        text=[number for line in numbers for number in line],
        textfont={"color": [ink_on(str(colour)) for colour in colours.flat], "size": 12},
        hoverinfo="skip",
        showlegend=False,
    )


def least_width_px(n_columns: int) -> int:
    """The width at which the columns of `head_figure` have room for labels, and for numbers."""
    has_numbers = n_columns <= MOST_COLUMNS_WITH_NUMBERS
    return 230 + (27 if has_numbers else 15) * min(n_columns, MOST_COLUMN_LABELS)


def with_click_targets(
    figure: go.Figure, weights: NDArray[np.floating[Any]], *, columns: Sequence[str]
) -> go.Figure:
    """Add an invisible bar to every cell, since heat maps of Plotly do not report clicks.

    A bar ends where its cell ends; a marker would also take clicks up to 3 px outside its cell.
    With more than `MOST_CLICK_TARGETS` cells, only each row's largest can be clicked.

    Args:
        columns: labels, as the figure has them.
    """
    row, column = np.indices(weights.shape).reshape(2, -1)
    if weights.size > MOST_CLICK_TARGETS:
        row, column = np.arange(len(weights)), weights.argmax(1)
    unseen = {"opacity": 0}
    n_rows, n_columns = weights.shape  # bars would pad the axes
    figure.update_layout(
        barmode="overlay",
        xaxis_range=(-0.5, n_columns - 0.5),
        yaxis={"range": (n_rows - 0.5, -0.5), "autorange": None},
    )
    values = weights[row, column].astype(float).round(4)
    return figure.add_bar(
        orientation="h", y=row, base=column - 0.5, x=np.ones(len(column)), width=1,
        customdata=[[columns[place], value] for place, value in zip(column, values, strict=True)],
        marker=unseen, selected={"marker": unseen}, unselected={"marker": unseen}, showlegend=False,
        hovertemplate=HOVER.replace("%{x}", "%{customdata[0]}").replace("%{z", "%{customdata[1]"),
    )  # fmt: skip


def cell_numbers(weights: NDArray[np.floating[Any]]) -> list[list[str]]:
    """The text in each cell: two decimals; empty for numbers that round to 0.00."""

    def number(value: float) -> str:
        written = f"{value:.2f}"
        return {"0.00": "", "1.00": "1"}.get(written, written.removeprefix("0"))

    return [[number(value) for value in row] for row in weights]


def strongest_links(
    weights: NDArray[np.floating[Any]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    headings: tuple[str, str, str],
    n: int = 12,
) -> list[dict[str, str | float]]:
    """The largest weights as rows of a table, for readers who cannot see the picture.

    Args:
        rows, columns: labels as text, not escaped.
        headings: of the rows' labels, of the columns' and of the numbers.
    """
    asks, looked_at, number = headings
    order = np.argsort(weights, axis=None)[::-1][:n]
    places = zip(*np.unravel_index(order, weights.shape), strict=True)
    return [
        {
            asks: rows[row],
            looked_at: columns[column],
            number: round(float(weights[row, column]), 3),
        }
        for row, column in places
    ]
