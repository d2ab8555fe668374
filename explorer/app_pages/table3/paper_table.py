"""A table as the paper prints it; every cell has an explanation on hover and in a list."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell, small lines below it, and its explanation on hover."""

    text: str
    about: str = ""
    small: tuple[str, ...] = ()
    n_columns: int = 1


Line = tuple[Cell, ...]
Header = Sequence[tuple[str, Sequence[str]]]
"""Title of each group of columns, and its columns; the first column names the line."""


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one part of the table."""

    title: str
    lines: tuple[Line, ...]


STYLE = """<style>
.paper-table table { border-collapse: collapse; font-size: 0.85rem; width: 100%; }
.paper-table caption { text-align: left; padding-bottom: 6px; }
.paper-table th, .paper-table td { padding: 3px 5px; text-align: center; vertical-align: top;
  border: 0; font-variant-numeric: tabular-nums; }
.paper-table th { font-weight: 600; }
.paper-table th[scope=row], .paper-table th[scope=rowgroup] { text-align: left; white-space: nowrap; }
.paper-table th[scope=colgroup], .paper-table .first { border-left: 1px solid rgba(128,128,128,0.5); }
.paper-table tbody { border-top: 1px solid rgba(128,128,128,0.5); }
.paper-table small { display: block; font-size: 0.75rem; white-space: nowrap; }
</style>"""

WORDS_STYLE = """<style>
.paper-words { font-size: 0.875rem; }
.paper-words summary { padding: 3px 0; cursor: pointer; }
.paper-words dl { display: grid; grid-template-columns: minmax(6rem, 1fr) 4fr; gap: 4px 12px;
  margin: 2px 0 10px 1.1rem; padding: 0; font-size: inherit; }
.paper-words dt, .paper-words dd { margin: 0; padding: 0; font-size: inherit; }
</style>"""


def table_html(caption: str, header: Header, groups: Sequence[Group]) -> str:
    """The HTML of a table with groups of columns and groups of lines; texts appear as typed.

    Raises:
        ValueError: if a line has not as many columns as the header.
    """
    n_columns = sum(len(columns) for _, columns in header)
    starts = {sum(len(columns) for _, columns in header[:n]) for n in range(1, len(header))}
    for line in (line for group in groups for line in group.lines):
        if sum(cell.n_columns for cell in line) != n_columns:
            raise ValueError(f"{line[0].text} does not have the {n_columns} columns of the header")
    bodies = "".join(_body(group, n_columns, starts) for group in groups)
    return (
        f'{STYLE}<div class="paper-table"><table><caption>{html.escape(caption)}</caption>'
        f"<thead>{_header(header)}</thead>{bodies}</table></div>"
    )


def words_html(header: Header, groups: Sequence[Group]) -> str:
    """The explanations of all cells as lists, for readers without a mouse.

    Each line becomes a list that opens: the text of each cell, and its explanation.
    """
    names = [name for _, columns in header for name in columns]
    lines = "".join(_words(names, line) for group in groups for line in group.lines)
    return f'{WORDS_STYLE}<div class="paper-words">{lines}</div>'


def _words(names: Sequence[str], line: Line) -> str:
    first = line[0]
    items = "".join(
        f"<dt>{cells}</dt><dd>{html.escape(about)}</dd>" for cells, about in _said(names, line)
    )
    return (
        f"<details><summary><b>{html.escape(first.text)}</b> {html.escape(first.about)}</summary>"
        f"<dl>{items}</dl></details>"
    )


def _said(names: Sequence[str], line: Line) -> Iterator[tuple[str, str]]:
    """Explanations after their cells' texts; neighbours with the same one share it."""
    starts = [sum(cell.n_columns for cell in line[:n]) for n in range(len(line))]
    placed = list(zip((names[start] for start in starts), line, strict=True))[1:]
    for about, alike in groupby(placed, lambda placed: placed[1].about):
        cells = list(alike)
        written = [(name, cell) for name, cell in cells if cell.text or cell.small] or cells
        if about:
            yield ", ".join(_in_words(name, cell) for name, cell in written), about


def _in_words(name: str, cell: Cell) -> str:
    values = html.escape(" ".join(filter(None, (cell.text, *cell.small))))
    return values if cell.n_columns > 1 else f"{_name(name)} {values}".strip()


def _header(header: Header) -> str:
    titles = "".join(
        f'<th scope="colgroup" colspan="{len(columns)}">{html.escape(title)}</th>'
        if title
        else f'<td colspan="{len(columns)}"></td>'
        for title, columns in header
    )
    names = "".join(
        f'<th scope="col"{_first(number == 0 and bool(title))}>{_name(name)}</th>'
        for title, columns in header
        for number, name in enumerate(columns)
    )
    return f"<tr>{titles}</tr><tr>{names}</tr>"


def _name(name: str) -> str:
    """`d_model` as the paper sets it."""
    letter, _, index = name.partition("_")
    index = f"<sub>{html.escape(index)}</sub>" if index else ""
    return html.escape(letter) + index


def _first(is_first: bool) -> str:
    return ' class="first"' if is_first else ""


def _body(group: Group, n_columns: int, starts: set[int]) -> str:
    title = (
        f'<tr><th scope="rowgroup" colspan="{n_columns}">{html.escape(group.title)}</th></tr>'
        if len(group.lines) > 1
        else ""
    )
    return f"<tbody>{title}{''.join(_line(line, starts) for line in group.lines)}</tbody>"


def _line(line: Line, starts: set[int]) -> str:
    first, *rest = line
    drawn, column = "", 1
    for cell in rest:
        drawn += _cell(cell, column in starts)
        column += cell.n_columns
    return f'<tr><th scope="row"{_about(first)}>{html.escape(first.text)}</th>{drawn}</tr>'


def _cell(cell: Cell, is_first: bool) -> str:
    span = f' colspan="{cell.n_columns}"' if cell.n_columns > 1 else ""
    small = "".join(f"<small>{html.escape(line)}</small>" for line in cell.small)
    return f"<td{span}{_first(is_first)}{_about(cell)}>{html.escape(cell.text)}{small}</td>"


def _about(cell: Cell) -> str:
    return f' title="{html.escape(cell.about)}"' if cell.about else ""
