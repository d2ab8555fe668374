"""Table 3: sticky headers, columns that sort, differences as dots, rows that open, models to tick.

Everything the reader does is drawn in the browser; `view_of` tells the page when it is quiet.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import streamlit as st

from explorer.components import source

SCRIPT, STYLE = source("common.js", "table3/component.js"), source("table3/component.css")

_mount = st.components.v2.component("table3", js=SCRIPT, css=STYLE)

Judgement = Literal["better", "worse", "same", "unjudged"]
"""What a difference to base means; `same` if none is shown, `unjudged` without enough seeds."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers below a title that it may share with its neighbours."""

    key: str
    group: str
    title: str
    about: str = ""
    best: Literal["low", "high", ""] = ""
    """Which numbers are better, and come first when the reader sorts; empty: no sorting."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, the number by which it is sorted, and its explanation."""

    text: str
    number: float | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A score minus base's, drawn as a dot and its interval."""

    value: float
    low: float
    high: float
    text: str
    judgement: Judgement
    about: str
    paper: float | None = None
    """The paper's difference of the same score, which has no interval."""


@dataclass(frozen=True, slots=True)
class Row:
    """A model: what it changes in words, its numbers by column, and its details."""

    name: str
    says: str
    group: str
    cells: Mapping[str, Cell]
    differences: Mapping[str, Difference]
    details: tuple[tuple[str, str], ...]
    can_compare: bool = False


@dataclass(frozen=True, slots=True)
class TableView:
    """How the reader looks at the table."""

    sort: str = ""
    """The key of a column; empty for the paper's order."""
    down: bool = False
    """Whether the worst, or the largest, come first."""
    opened: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()


def payload(
    rows: Sequence[Row],
    columns: Sequence[Column],
    view: TableView,
    *,
    caption: str,
    most_compared: int,
) -> dict[str, Any]:
    """What the script draws.

    Args:
        columns: a column whose key is among a row's differences is drawn as dots.
    """
    return {
        "caption": caption,
        "columns": [asdict(column) for column in columns],
        "rows": [asdict(row) for row in rows],
        "scales": {column.key: _scale(rows, column) for column in columns},
        "view": asdict(view),
        "most": most_compared,
    }


def _scale(rows: Sequence[Row], column: Column) -> list[float] | None:
    """From the worst end of all differences of a column to the best, so that better is right."""
    found = [row.differences[column.key] for row in rows if column.key in row.differences]
    ends = [end for of in found for end in (of.low, of.high, of.value, of.paper, 0.0)]
    known = [end for end in ends if end is not None]
    if not known:
        return None
    low, high = min(known), max(known)
    return [high, low] if column.best == "low" else [low, high]


def table3(data: dict[str, Any], *, key: str, on_view: Callable[[], None]) -> None:
    """Draw a `payload`; `on_view` runs before the next script run, see `view_of`."""
    _mount(data=data, key=key, on_view_change=on_view)


def view_of(key: str) -> Mapping[str, Any] | None:
    """What the reader did last: the fields of a `TableView`."""
    return getattr(st.session_state.get(key), "view", None)
