"""The pictures of the page Two sentences, for page, file and notebook."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from core.analysis.head_place import KIND_NAMES, HeadPlace
from core.analysis.trace.trace import Trace
from core.config import KINDS, Kind
from explorer.app_pages.patching.fields import Parts
from explorer.figures.axes import signed
from explorer.figures.head import piece_label, piece_labels, token_label
from explorer.figures.signed_cells import signed_cells
from explorer.figures.standalone import Picture

if TYPE_CHECKING:
    from core.analysis.patching.patch import Grid, Patching

NAMES: dict[Parts, str] = {
    "heads": "Every head",
    "source": "Every source piece",
    "target": "Every step",
}
NOTES: dict[Parts, str] = {
    "heads": (
        "A head’s output in the second run replaces its output in the first, at every position. Click a cell to look at "
        "the head."
    ),
    "source": (
        "What stands at one source piece after an encoder layer in the second run replaces what stands there in the "
        "first; embeddings are the top row. So one sees at which piece, and up to which layer, the difference is held."
    ),
    "target": (
        "What stands at one step after a decoder layer in the second run replaces what stands there in the first; "
        "embeddings are the top row. Both runs have read the same words, so they differ only in what they took from the "
        "source."
    ),
}
FOOT = (
    "A share says how far the difference of the two logits moves from its value in the first run, 0 %, to its value in "
    "the second, 100 %. Below 0 % it moves away. Shares need not add up, as parts work on each other. This is activation "
    "patching (Vig et al. 2020)."
)


@dataclass(frozen=True, slots=True)
class Compared:
    """The first sentence, and what carries its difference to a second one."""

    trace: Trace
    found: "Patching"
    name_of: Callable[[int], str]
    """What a token of the target vocabulary is called."""

    def label(self, token: int) -> str:
        """A token as it is read."""
        return piece_label(self.name_of(token))

    @property
    def shares(self) -> list[tuple[float, HeadPlace]]:
        """What every head carries, the most first."""
        found = [
            (float(self.found.heads[kind].shares[layer, head]), HeadPlace(kind, layer, head))
            for kind in KINDS
            for layer, head in np.ndindex(self.found.heads[kind].shares.shape)
        ]
        return sorted(found, key=lambda each: -each[0])


def percent(share: float) -> str:
    return f"{signed(100 * share, 0)} %"


def head_pictures(compared: Compared, marked: HeadPlace | None = None) -> dict[Kind, Picture]:
    """What every head carries, a picture a kind on one scale.

    Args:
        marked: a head to frame.
    """
    heads = compared.found.heads
    limit = _limit(*(heads[kind].shares for kind in KINDS))
    pictures = {}
    for kind in KINDS:
        grid = heads[kind]
        n_layers, n_heads = grid.shares.shape
        is_here = marked is not None and marked.kind == kind
        figure = _figure(
            compared,
            grid,
            limit,
            rows=[f"Layer {n}" for n in range(1, n_layers + 1)],
            columns=[str(n) for n in range(1, n_heads + 1)],
            column_title="head",
            marked=(marked.layer, marked.head) if marked and is_here else None,
        )
        title = f"{KIND_NAMES[kind]}: what each head carries"
        pictures[kind] = Picture(title, figure, f"{NOTES['heads']} {FOOT}")
    return pictures


def stream_picture(compared: Compared, parts: Parts) -> Picture:
    """What every source piece, or every step, carries after each layer."""
    trace, found = compared.trace, compared.found
    if parts == "source":
        grid, title = found.source_stream, "source piece"
        columns = piece_labels(piece.name for piece in trace.source.pieces)
    else:
        grid, title = found.target_stream, "read at the step"
        columns = piece_labels(piece.name for piece in trace.consumed[: found.step + 1])
    figure = _figure(
        compared,
        grid,
        _limit(grid.shares),
        rows=["Embeddings", *(f"Layer {n}" for n in range(1, len(grid.shares)))],
        columns=list(map(token_label, columns)),
        column_title=title,
    )
    return Picture(
        f"{NAMES[parts]}: what it carries after each layer", figure, f"{NOTES[parts]} {FOOT}"
    )


def _figure(
    compared: Compared,
    grid: "Grid",
    limit: float,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    column_title: str,
    marked: tuple[int, int] | None = None,
) -> go.Figure:
    hovers = [
        [
            f"{rows[row]}, {columns[column]}: {percent(float(grid.shares[row, column]))} of the difference; the model "
            f"writes “{token_label(compared.label(int(grid.writes[row, column])))}”"
            for column in range(len(columns))
        ]
        for row in range(len(rows))
    ]
    return signed_cells(
        grid.shares,
        limit=limit,
        texts=[[percent(float(share)) for share in row] for row in grid.shares],
        hovers=hovers,
        rows=rows,
        columns=columns,
        number="share of the difference",
        is_share=True,
        column_title=column_title,
        marked=marked,
    )


def _limit(*shares: "np.ndarray") -> float:
    return max(1.0, *(float(np.abs(each).max()) for each in shares))
