"""A table as every page draws it, to be taken away as CSV or LaTeX."""

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from core.system.text_tables import Cells, csv_table, latex_table
from explorer.frame.downloads import save_table


def draw_table(
    rows: Sequence[Mapping[str, object]], *, name: str, caption: str = "", is_whole: bool = False
) -> None:
    """Draw a table, and below it two buttons that save it.

    Args:
        rows: heading -> cell, with the same headings in every row.
        name: of the files and of the LaTeX label; no two tables of a page share one.
        caption: what the table shows, in LaTeX.
        is_whole: whether all lines are in sight; else a long table scrolls.
    """
    height: Literal["content", "auto"] = "content" if is_whole else "auto"
    st.dataframe(rows, hide_index=True, width="stretch", height=height)
    with st.container(horizontal=True, gap="small"):
        save_table(
            name,
            csv=lambda: csv_table(table_lines(rows)),
            latex=lambda: latex_table(table_lines(rows), caption=caption, label=f"tab:{name}"),
        )


def table_lines(rows: Sequence[Mapping[str, object]]) -> list[Cells]:
    """The cells as text below their headings; the decimals of a column are as many in each row."""
    headings = tuple(rows[0]) if rows else ()
    columns = [_column([row[heading] for row in rows]) for heading in headings]
    return [headings, *zip(*columns, strict=True)]


def _column(cells: Sequence[object]) -> list[str]:
    if not all(isinstance(cell, float) for cell in cells):
        return [str(cell) for cell in cells]
    digits = max(len(f"{cell:.6f}".rstrip("0").partition(".")[2]) for cell in cells)
    return [f"{cell:.{digits}f}" for cell in cells]
