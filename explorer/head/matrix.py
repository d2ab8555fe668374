"""The matrix of one head as the Heads page draws it: numbers, grouping, hidden columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.analysis.head_place import HeadPlace
from core.analysis.heads.measures import keys_of
from core.analysis.heads.rollout import decoder_rollout, encoder_rollout, norm_weighted
from core.analysis.trace.trace import Trace
from core.config import Kind
from core.text.pieces import Piece, PiecedText
from explorer.figures.head import piece_labels
from explorer.figures.invisible import visible
from explorer.head.fields import HeadDrawing, Values

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """A row or column: its label, and the pieces it stands for."""

    label: str
    pieces: tuple[int, ...]
    is_special: bool


Side = Literal["source", "target"]


@dataclass(frozen=True, slots=True)
class HoverWords:
    """The words that each row and each column stands for: what the page's one hover lights."""

    row_side: Side
    rows: tuple[tuple[int, ...], ...]
    column_side: Side
    columns: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "rows": {"side": self.row_side, "words": self.rows},
            "columns": {"side": self.column_side, "words": self.columns},
        }


@dataclass(frozen=True, slots=True)
class HeadMatrix:
    """The rows, columns and numbers in the picture of one head."""

    values: Numbers  # rows x columns
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_pieces: tuple[tuple[int, ...], ...]  # for each row, the pieces it stands for
    row_title: str
    column_title: str
    headings: tuple[str, str]  # of a table: what a row does, and what a column does
    special: Numbers  # for each row, the share that goes to special tokens, drawn or not
    hover: "HoverWords"
    notes: tuple[str, ...]

    def row_of(self, piece: int) -> int:
        """The row that stands for a piece, both from 0."""
        return next(row for row, pieces in enumerate(self.row_pieces) if piece in pieces)


def attention(trace: Trace, kind: Kind, values: Values) -> Numbers:
    """Every head's weights or the numbers drawn instead: N H q k; for a rollout, N 1 q k."""
    weights = trace.weights[kind]
    if values == "norms":
        return norm_weighted(weights, trace.value_norms[kind])
    if values == "rollout":
        return _rollout(trace, kind)[:, None]
    return weights


def _rollout(trace: Trace, kind: Kind) -> Numbers:
    """The columns of a rollout that belong to this kind: source pieces, or consumed tokens."""
    of_encoder = encoder_rollout(trace.weights["encoder"])
    if kind == "encoder":
        return of_encoder
    both = decoder_rollout(trace.weights["decoder"], trace.weights["cross"], of_encoder[-1])
    n_source = len(trace.source.pieces)
    return both[..., :n_source] if kind == "cross" else both[..., n_source:]


def head_matrix(trace: Trace, kind: Kind, values: Numbers, drawing: HeadDrawing) -> HeadMatrix:
    """Group, hide and threshold the numbers of one head as the drawing asks.

    Args:
        values: q k of the pieces, as traced.
    """
    rows, columns = _rows(trace, kind, drawing.units), _columns(trace, kind, drawing.units)
    grouped = _grouped(values, rows, columns)
    notes = []
    if drawing.units == "words":
        notes.append(
            "Words: the weights on a word's pieces are added; those of the pieces that look are averaged."
        )
    is_special = np.array([line.is_special for line in columns])
    special = grouped[:, is_special].sum(1) / np.maximum(grouped.sum(1), 1e-12)
    if not drawing.specials:
        columns = [line for line in columns if not line.is_special]
        grouped = grouped[:, ~is_special]
    if drawing.threshold > 0:
        grouped = np.where(grouped >= drawing.threshold, grouped, 0.0)
        notes.append(f"Weights below {drawing.threshold:g} are left out.")
    return HeadMatrix(
        values=grouped,
        rows=tuple(line.label for line in rows),
        columns=tuple(line.label for line in columns),
        row_pieces=tuple(line.pieces for line in rows),
        row_title=row_title(kind),
        column_title=column_title(kind),
        headings=("query", "key") if kind == "encoder" else ("step", "looks at"),
        special=special,
        hover=HoverWords(
            "source" if kind == "encoder" else "target",
            tuple(_words(line, queries_of(trace, kind)) for line in rows),
            "target" if kind == "decoder" else "source",
            tuple(_words(line, keys_of(trace, kind)) for line in columns),
        ),
        notes=tuple(notes),
    )


def queries_of(trace: Trace, kind: Kind) -> tuple[Piece, ...]:
    """The tokens that the rows of one kind of attention stand for: a step by what it writes."""
    return trace.source.pieces if kind == "encoder" else trace.target.pieces


def _words(line: Line, pieces: Sequence[Piece]) -> tuple[int, ...]:
    """The words, from 0, that a row or column is part of; none for a special token."""
    found = dict.fromkeys(pieces[piece].word for piece in line.pieces)
    return tuple(word for word in found if word >= 0)


def special_note(matrices: Sequence[HeadMatrix], *, are_hidden: bool) -> str:
    """The weight on special tokens, as a mean if there are several heads."""
    special = np.mean([matrix.special for matrix in matrices], axis=0)
    most = int(special.argmax())
    where = f"most in the row “{matrices[0].rows[most]}” ({special[most]:.0%})"
    of = "" if len(matrices) == 1 else " of these heads"
    hidden = " (hidden)" if are_hidden else ""
    return (
        f"{special.mean():.0%} of the weight{of} goes to the start and end marks{hidden}, {where}."
    )


def plain_matrix(trace: Trace, place: HeadPlace) -> HeadMatrix:
    """One head's weights piece by piece, nothing left out.

    For pages without controls for the drawing: choices on the Heads page do not apply there.
    """
    return head_matrix(trace, place.kind, place.of(trace.weights), HeadDrawing())


def row_title(kind: Kind) -> str:
    return "source" if kind == "encoder" else "after this piece → the model writes this one"


def column_title(kind: Kind) -> str:
    return "written so far" if kind == "decoder" else "source"


def row_labels(trace: Trace, kind: Kind) -> list[str]:
    """What each row of the traced weights is called, piece by piece; not escaped."""
    return [line.label for line in _rows(trace, kind, "pieces")]


def column_labels(trace: Trace, kind: Kind) -> list[str]:
    return [line.label for line in _columns(trace, kind, "pieces")]


def _rows(trace: Trace, kind: Kind, units: str) -> list[Line]:
    if kind == "encoder":
        return _lines(trace.source.pieces, trace.source, units)
    lines = _lines(trace.target.pieces, trace.target, units)
    consumed = piece_labels(piece.name for piece in trace.consumed)
    return [
        Line(f"{consumed[line.pieces[0]]} → {line.label}", line.pieces, line.is_special)
        for line in lines
    ]


def _columns(trace: Trace, kind: Kind, units: str) -> list[Line]:
    if kind == "decoder":
        return _lines(trace.consumed, trace.target, units)
    return _lines(trace.source.pieces, trace.source, units)


def _lines(pieces: Sequence[Piece], text: PiecedText, units: str) -> list[Line]:
    """One line a piece, or one a word; special pieces always stand alone."""
    groups: list[list[int]] = []
    for index, piece in enumerate(pieces):
        same_word = piece.word >= 0 and index > 0 and pieces[index - 1].word == piece.word
        if units == "words" and same_word:
            groups[-1].append(index)
        else:
            groups.append([index])
    labels = piece_labels(piece.name for piece in pieces)
    lines = []
    for group in groups:
        word = pieces[group[0]].word
        is_word = units == "words" and word >= 0
        label = visible(text.words[word].text) if is_word else labels[group[0]]
        lines.append(Line(label, tuple(group), word < 0))
    return lines


def _grouped(values: Numbers, rows: Sequence[Line], columns: Sequence[Line]) -> Numbers:
    """Average over the tokens of a query word, sum over the tokens of a key word."""
    by_row = np.stack([values[list(line.pieces)].mean(0) for line in rows])
    return np.stack([by_row[:, list(line.pieces)].sum(1) for line in columns], axis=1)
