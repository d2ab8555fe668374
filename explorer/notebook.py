"""The Explorer's pictures in a notebook, or in a file that opens without a network.

import core
from explorer import notebook

model = core.load("checkpoints/en-de")
trace = model.trace("A man is riding a bicycle.")
notebook.heads(trace, layer=3, head=6)
notebook.translation(trace).save("translation.html")
notebook.inside(model, trace, row=4)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.analysis.heads.best import covering_head
from core.analysis.trace.trace import Trace
from core.config import Kind
from core.system.files import write_whole
from explorer.app_pages.heads.pictures import head_pictures
from explorer.app_pages.inside.pictures import inside_pictures
from explorer.app_pages.translate.pictures import translation_pictures
from explorer.choice.choice import Choice, Run, View
from explorer.choice.page_context import (
    PageContext,
    UsualView,
    first_place,
    settled_on,
    telling_place,
)
from explorer.engine.checkpoints import best_head
from explorer.figures.standalone import Picture, notebook_html, standalone_html
from explorer.head.fields import HeadDrawing

if TYPE_CHECKING:
    from core.translator import Translator


@dataclass(frozen=True, slots=True)
class Page:
    """Pictures under a title; a notebook shows it as the value of a cell."""

    title: str
    pictures: Sequence[Picture]

    def _repr_html_(self) -> str:
        return notebook_html(self.title, self.pictures)

    def save(self, file: Path | str) -> None:
        """Write one HTML file that needs no network."""
        write_whole(Path(file), standalone_html(self.title, self.pictures))


def translation(trace: Trace, *, checkpoint: Path | str | None = None) -> Page:
    """The translation step by step with its candidates, and the tree that its search explored.

    Args:
        checkpoint: its folder, so that ribbons follow the head that was measured to align best.
    """
    shown = _shown(trace, _choice(trace), checkpoint)
    return Page(trace.source.text, translation_pictures(shown))


def heads(
    trace: Trace,
    kind: Kind = "cross",
    *,
    layer: int | None = None,
    head: int | None = None,
    drawing: HeadDrawing | None = None,
    checkpoint: Path | str | None = None,
) -> Page:
    """All heads of one kind of attention, and one of them enlarged.

    Args:
        layer, head: the one to enlarge, from 1; without them, the one that aligns best.
        drawing: weights or norms or rollout, pieces or words, heat map or lines, and so on.
        checkpoint: its folder, as in `translation`.

    Raises:
        ValueError: if there is no such layer or head.
    """
    choice = _choice(trace, View(kind=kind, layer=layer, head=head)).with_fields(
        drawing or HeadDrawing()
    )
    shown = _shown(trace, choice, checkpoint)
    return Page(trace.source.text, head_pictures(shown))


def inside(
    translator: "Translator",
    trace: Trace,
    kind: Kind = "cross",
    *,
    layer: int | None = None,
    head: int | None = None,
    row: int | None = None,
    checkpoint: Path | str | None = None,
) -> Page:
    """One query of one head through Equation 1, with its numbers.

    Args:
        translator: the model that made the trace, without edits.
        layer, head, row: from 1. A row is a source piece in encoder self-attention, else a step.
            Without them, the head that aligns best, and its most telling row.
        checkpoint: its folder, as in `translation`.

    Raises:
        ValueError: if there is no such layer, head or row.
    """
    view = View(kind=kind, layer=layer, head=head)
    view = view.replace(**{"row" if kind == "encoder" else "step": row})
    shown = _shown(trace, _choice(trace, view), checkpoint, usual=telling_place)
    internals = translator.inside(
        trace, kind, layer=shown.place.layer_number, head=shown.place.head_number
    )
    return Page(trace.source.text, inside_pictures(shown, internals))


def _choice(trace: Trace, view: View | None = None) -> Choice:
    return Choice(Run(text=trace.source.text), view or View())


def _shown(
    trace: Trace,
    choice: Choice,
    checkpoint: Path | str | None,
    usual: Callable[[PageContext], UsualView] = first_place,
) -> PageContext:
    folder = Path(checkpoint or "")
    best = best_head(folder, trace) if checkpoint else covering_head(trace)
    open_choices = PageContext(choice, folder, trace, best)
    fitting, problems = settled_on(open_choices, usual(open_choices))
    if problems:
        raise ValueError(problems[0].removeprefix("The link says "))
    return PageContext(fitting, folder, trace, best)
