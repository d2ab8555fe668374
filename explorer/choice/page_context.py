"""The context of a page: a traced sentence, and a view whose choices fit it."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead, clearest_head
from core.analysis.heads.measures import keys_of
from core.analysis.trace.trace import Trace
from core.config import Kind
from explorer.choice.choice import Choice, Fields, Run, View


@dataclass(frozen=True, slots=True)
class PageContext:
    """A sentence on screen. After `settle_view`, its view has no open choices."""

    choice: Choice
    folder: Path
    trace: Trace
    best: BestHead

    @property
    def view(self) -> View:
        return self.choice.view

    def of(self, fields: type[Fields]) -> Fields:
        """The reader's values of a page's fields."""
        return self.choice.of(fields)

    @property
    def shape(self) -> "Shape":
        return shape_of(self.trace, self.view.kind)

    @property
    def place(self) -> HeadPlace:
        """The head on show."""
        assert self.view.layer
        assert self.view.head
        return HeadPlace.numbered(self.view.kind, self.view.layer, self.view.head)

    @property
    def step(self) -> int:
        assert self.view.step
        return self.view.step

    @property
    def asks(self) -> Literal["row", "step"]:
        """What a query is: a source token in encoder self-attention, else a step."""
        return "row" if self.view.kind == "encoder" else "step"

    @property
    def query(self) -> int:
        """The query on screen, from 0."""
        number = getattr(self.view, self.asks)
        assert number
        return int(number) - 1


def is_typed(run: Run) -> bool:
    """Whether the reader typed the whole translation, to be scored."""
    return bool(run.target.strip())


def n_chosen(run: Run, trace: Trace) -> int:
    """How many tokens at the start of the translation the reader chose."""
    return len(trace.steps) if is_typed(run) else len(run.prefix)


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes that limit a view: layers, heads, steps, source tokens."""

    n_layers: int
    n_heads: int
    n_steps: int
    n_source: int


def shape_of(trace: Trace, kind: Kind) -> Shape:
    n_layers, n_heads = trace.weights[kind].shape[:2]
    return Shape(n_layers, n_heads, len(trace.steps), len(trace.source.pieces))


@dataclass(frozen=True, slots=True)
class UsualView:
    """The head and query shown when the reader chose none, from 1."""

    layer: int
    head: int
    step: int
    row: int | None


Settled = tuple[Choice, tuple[str, ...]]
"""A choice that fits the trace, and notices for what had to be replaced."""


def settled(shown: PageContext) -> Settled:
    """The view with the usual head and the first query, where the reader chose none."""
    return settled_on(shown, first_place(shown))


def settled_on(shown: PageContext, usual: UsualView) -> Settled:
    """The view with this head and query, where the reader chose none."""
    view, notices = settle_view(shown.view, shown.shape, usual)
    return shown.choice.with_fields(view), notices


def first_place(shown: PageContext) -> UsualView:
    """A telling head, and the first query.

    In cross-attention that is a head that shows where the word of a step comes from; in
    self-attention, the head that points most clearly at words.
    """
    kind, shape = shown.view.kind, shown.shape
    place = shown.best.at_first if kind == "cross" else clearest_head(shown.trace, kind)
    place = place.within(shape.n_layers, shape.n_heads)
    row = 1 if kind == "encoder" else None
    return UsualView(place.layer_number, place.head_number, step=1, row=row)


def middle_place(shown: PageContext) -> UsualView:
    """The usual head, and the middle query: it has keys before it and after it."""
    first, shape = first_place(shown), shown.shape
    return dataclasses.replace(
        first,
        step=(shape.n_steps + 1) // 2,
        row=(shape.n_source + 1) // 2 if first.row else None,
    )


TELLING = 0.75
"""The largest weight of a telling row."""


def telling_place(shown: PageContext) -> UsualView:
    """The usual head, and of the head on show the row whose weights tell most.

    That is the row whose largest weight on a piece of text is nearest to three quarters: one key
    clearly wins, yet the others and the division by √d_k still count. Special tokens are left out,
    since weight on them often means that the head has no use for this row. In decoder self-attention
    the row is in the third quarter: it has enough keys to choose from, and the mask hides some.
    """
    first, view, shape = first_place(shown), shown.view, shown.shape
    layer = view.layer if view.layer and view.layer <= shape.n_layers else first.layer
    head = view.head if view.head and view.head <= shape.n_heads else first.head
    trace, kind = shown.trace, view.kind
    weights = HeadPlace.numbered(kind, layer, head).of(trace.weights)
    is_text = np.array([piece.word >= 0 for piece in keys_of(trace, kind)])
    distance = np.abs((weights * is_text).max(axis=1) - TELLING)
    first_row = len(distance) // 2 if kind == "decoder" else 0
    end = max(first_row + 1, 3 * len(distance) // 4) if kind == "decoder" else len(distance)
    row = first_row + int(distance[first_row:end].argmin()) + 1
    if kind == "encoder":
        return dataclasses.replace(first, row=row)
    return dataclasses.replace(first, step=row)


def settle_view(view: View, shape: Shape, usual: UsualView) -> tuple[View, tuple[str, ...]]:
    """A view that fits the trace, and notices for what had to be replaced.

    Args:
        usual: the head and query to show if none was chosen, or the chosen one does not exist.
    """
    notices = []
    chosen: dict[str, int | None] = {}
    for name, n in (
        ("layer", shape.n_layers),
        ("head", shape.n_heads),
        ("step", shape.n_steps),
        ("row", shape.n_source),
    ):
        value = getattr(view, name)
        fits = value is not None and 1 <= value <= n
        if value is not None and not fits:
            notices.append(f"The link says {name} {value}, but there are only {n} here.")
        chosen[name] = value if fits else getattr(usual, name)
    return view.replace(**chosen), tuple(notices)
