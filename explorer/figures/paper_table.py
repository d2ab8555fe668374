"""A table as the paper prints it, with more to say in every cell."""

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in it, what stands below in small lines, and what it says when pointed at."""

    text: str
    about: str = ""
    small: tuple[str, ...] = ()
    n_columns: int = 1


Line = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together."""

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


def table_html(
    caption: str, header: Sequence[tuple[str, Sequence[str]]], groups: Sequence[Group]
) -> str:
    """Groups of columns above, groups of lines below; texts appear as typed.

    Args:
        header: title of each group of columns, and its columns; the first column names the line.

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


def _header(header: Sequence[tuple[str, Sequence[str]]]) -> str:
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
