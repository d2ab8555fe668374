"""One head enlarged, as a heat map or as lines, with its scale, labels and notes."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from core.analysis.head_place import KIND_NAMES
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.components.lines import component as lines
from explorer.figures.head import (
    Scale,
    head_figure,
    least_width_px,
    strongest_links,
    token_label,
    with_click_targets,
)
from explorer.figures.standalone import Mounted, Picture
from explorer.figures.vector import head_svg
from explorer.frame.caption import about
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import file_name
from explorer.frame.messages import note, plain
from explorer.frame.tables import draw_table
from explorer.frame.wide import wide
from explorer.head.fields import HeadDrawing
from explorer.head.matrix import HeadMatrix, attention, head_matrix, special_note

Numbers = NDArray[np.floating[Any]]

FIGURE, LINES = "head", "head_lines"
ROLLOUT_NOTE = "Mean over heads, all layers up to this one."
ELSEWHERE = {
    "cross": "The rest of a row, up to 1, comes from the words already written.",
    "decoder": "The rest of a row, up to 1, comes from the source.",
}
"""Of a rollout, whose rows are shared between source and target."""
NOTES: Mapping[str, Mapping[str, str]] = {
    "matrix": {
        "weights": "Each row adds up to 1; the colour scale is the same for all heads.",
        "norms": "Norms of weighted, transformed values; the scale reaches to this layer's largest.",
        "rollout": ROLLOUT_NOTE,
    },
    "lines": {
        "weights": "The lines of one word and one head add up to 1.",
        "norms": "Norms of weighted, transformed values, as shares of this layer's largest.",
        "rollout": ROLLOUT_NOTE,
    },
}


def title(shown: PageContext) -> str:
    values = shown.of(HeadDrawing).values
    kind, layer = KIND_NAMES[shown.view.kind], shown.place.layer_number
    if values == "rollout":
        return f"{kind}, rollout up to layer {layer}"
    place = f"{kind}, layer {layer}, all heads" if _is_together(shown) else shown.place.name
    if _is_best(shown):
        place += f" ({shown.best.label})"
    return place if values == "weights" else f"{place}, norm-weighted"


def draw_matrix(shown: PageContext) -> None:
    """The heat map; a click on a cell chooses its row."""
    matrix = _matrix(shown, shown.place.head)
    columns = [token_label(label) for label in matrix.columns]
    figure = with_click_targets(_figure(shown, matrix), matrix.values, columns=columns)
    with wide("one-head", least_width_px(len(columns))):
        draw_chart(
            figure,
            alt=title(shown),
            key=FIGURE,
            on_select=lambda: _take_row(shown, matrix),
            selection_mode="points",
        )
    note(plain(_notes(shown, [matrix])))
    draw_links(matrix, number=_scale(shown).title, caption=table_caption(shown, title(shown)))


def draw_links(
    matrix: HeadMatrix,
    title: str = "The strongest links as a table",
    *,
    number: str = Scale().title,
    caption: str = "",
) -> None:
    """The largest numbers of a heat map as a table, for readers who cannot see it.

    Args:
        number: what the numbers are.
        caption: what the heat map is of, where the table is saved as LaTeX.
    """
    with st.expander(title):
        draw_table(
            strongest_links(
                matrix.values,
                rows=matrix.rows,
                columns=matrix.columns,
                headings=(*matrix.headings, number),
            ),
            name=file_name(title.removesuffix(" as a table").removeprefix("The ")),
            caption=caption or title.removesuffix(" as a table"),
        )


def table_caption(shown: PageContext, what: str) -> str:
    """The caption of the strongest links of a heat map."""
    return " ".join([f"{what}: the strongest links.", *about(shown)])


def draw_lines(shown: PageContext) -> None:
    matrices = _matrices(shown)
    lines.lines(lines.lines_payload(**_lines(shown, matrices)), key=LINES)
    note(plain(_notes(shown, matrices)))


def picture(shown: PageContext) -> Picture:
    """The chosen head as it is drawn on the page, for a file."""
    matrices = _matrices(shown)
    if shown.of(HeadDrawing).drawing == "lines":
        data = lines.lines_payload(**_lines(shown, matrices))
        drawn: Mounted | go.Figure = Mounted(lines.SCRIPT, lines.STYLE, data)
    else:
        drawn = _figure(shown, matrices[0])
    return Picture(title(shown), drawn, _notes(shown, matrices))


def svg(shown: PageContext, caption: Sequence[str] = ()) -> str:
    """The chosen head as a heat map for print, even if the page draws lines."""
    as_matrix = dataclasses.replace(
        shown, choice=shown.choice.with_fields(shown.of(HeadDrawing).replace(drawing="matrix"))
    )
    matrix = _matrix(as_matrix, shown.place.head)
    return head_svg(
        matrix.values,
        rows=matrix.rows,
        columns=matrix.columns,
        row_title=matrix.row_title,
        column_title=matrix.column_title,
        title=title(as_matrix),
        about=f"{shown.trace.source.text} → {shown.trace.target.text} {_said(shown, [matrix])}",
        scale=_scale(as_matrix),
        caption=caption,
    )


def _take_row(shown: PageContext, matrix: HeadMatrix) -> None:
    points = st.session_state[FIGURE].selection.points
    if points:
        session.change(View, **{shown.asks: matrix.row_pieces[points[0]["y"]][0] + 1})


def _is_together(shown: PageContext) -> bool:
    return (
        shown.of(HeadDrawing).drawing == "lines"
        and shown.of(HeadDrawing).together
        and shown.of(HeadDrawing).values != "rollout"
    )


def _is_best(shown: PageContext) -> bool:
    """Whether only the head to open first is drawn."""
    best = shown.best
    is_alone = shown.of(HeadDrawing).values != "rollout" and not _is_together(shown)
    return is_alone and shown.place == best.place


def _numbers(shown: PageContext) -> Numbers:
    """H q k of the chosen layer; for a rollout, 1 q k."""
    of_layer: Numbers = attention(shown.trace, shown.view.kind, shown.of(HeadDrawing).values)[
        shown.place.layer
    ]
    return of_layer


def _matrix(shown: PageContext, head: int) -> HeadMatrix:
    numbers = _numbers(shown)
    values = numbers[min(head, len(numbers) - 1)]
    return head_matrix(shown.trace, shown.view.kind, values, shown.of(HeadDrawing))


def _matrices(shown: PageContext) -> list[HeadMatrix]:
    """Of the heads that are drawn, in order."""
    heads = range(len(_numbers(shown))) if _is_together(shown) else [shown.place.head]
    return [_matrix(shown, head) for head in heads]


def _figure(shown: PageContext, matrix: HeadMatrix) -> go.Figure:
    return matrix_figure(matrix, scale=_scale(shown), marked_row=matrix.row_of(shown.query))


def matrix_figure(matrix: HeadMatrix, **more: Any) -> go.Figure:
    """The heat map of a head; what more it is given is that of `head_figure`."""
    figure = head_figure(
        matrix.values,
        rows=[token_label(label) for label in matrix.rows],
        columns=[token_label(label) for label in matrix.columns],
        row_title=matrix.row_title,
        column_title=matrix.column_title,
        **more,
    )
    return figure.update_layout(meta={"hover": matrix.hover.to_json()})


def _lines(shown: PageContext, matrices: list[HeadMatrix]) -> dict[str, Any]:
    first = matrices[0]
    heads = range(len(matrices)) if _is_together(shown) else [shown.place.head]
    is_mean = shown.of(HeadDrawing).values == "rollout"
    return {
        "weights": np.stack([matrix.values for matrix in matrices]) / _scale(shown).most,
        "rows": first.rows,
        "columns": first.columns,
        "row_title": first.row_title,
        "column_title": first.column_title,
        "title": title(shown),
        "hover": first.hover.to_json(),
        "heads": ["Mean over heads"] if is_mean else [f"Head {head + 1}" for head in heads],
        "threshold": max(shown.of(HeadDrawing).threshold, 0.05),
    }


def _scale(shown: PageContext) -> Scale:
    if shown.of(HeadDrawing).values == "norms":
        whole = shown.of(HeadDrawing).replace(specials=True, threshold=0.0)
        drawn = [head_matrix(shown.trace, shown.view.kind, n, whole) for n in _numbers(shown)]
        return Scale("‖α·v·W^O‖", max(float(matrix.values.max()) for matrix in drawn))
    return Scale("share") if shown.of(HeadDrawing).values == "rollout" else Scale()


def _notes(shown: PageContext, matrices: list[HeadMatrix]) -> str:
    values, kind = shown.of(HeadDrawing).values, shown.view.kind
    elsewhere = [ELSEWHERE[kind]] if values == "rollout" and kind in ELSEWHERE else []
    late = shown.best.how_to_read if _is_best(shown) else ""
    said = [late, NOTES[shown.of(HeadDrawing).drawing][values], *elsewhere, _said(shown, matrices)]
    return " ".join(filter(None, said))


def _said(shown: PageContext, matrices: list[HeadMatrix]) -> str:
    """A note on how the numbers were made, and how much of them is on special tokens."""
    special = special_note(matrices, are_hidden=not shown.of(HeadDrawing).specials)
    return " ".join([special, *matrices[0].notes])
