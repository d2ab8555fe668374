"""The Explorer's pictures in a notebook, or in a file that opens without a network.

import core
from explorer import notebook

model = core.load("checkpoints/en-de")
trace = model.trace("A man is riding a bicycle.")
notebook.heads(trace, layer=3, head=6)
notebook.translation(trace).save("translation.html")
notebook.inside(model, trace, row=4)
notebook.reasons(model, trace, layer=3, head=3, row=4)
notebook.why(model, trace, step=4)
notebook.contributions(model, trace)
notebook.lens(model, trace)
notebook.patching(model, trace, model.trace("A woman is riding a bicycle."))
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import covering_head
from core.analysis.trace.trace import Trace
from core.config import Kind
from core.system.files import write_whole
from explorer.app_pages.contributions.pictures import map_picture
from explorer.app_pages.heads import pictures as of_heads
from explorer.app_pages.inside.fields import Split
from explorer.app_pages.inside.pictures import inside_pictures
from explorer.app_pages.inside.reasons import reasons_picture
from explorer.app_pages.lenses.pictures import grid_picture
from explorer.app_pages.patching.pictures import Compared, head_pictures, stream_picture
from explorer.app_pages.translate.pictures import translation_pictures
from explorer.app_pages.why.pictures import amounts_picture
from explorer.choice.choice import Choice, Run, View
from explorer.choice.page_context import (
    PageContext,
    UsualView,
    first_place,
    settled_on,
    telling_place,
)
from explorer.engine.checkpoints import best_head
from explorer.figures.head import piece_label
from explorer.figures.standalone import Picture, notebook_html, standalone_html
from explorer.head.fields import HeadDrawing
from explorer.head.matrix import column_labels, row_labels

if TYPE_CHECKING:
    from core.analysis.contrast.attribution import Method
    from core.text.vocabulary import Tokenizer
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
    return Page(trace.source.text, of_heads.head_pictures(shown))


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


def contributions(translator: "Translator", trace: Trace, *, layer: int | None = None) -> Page:
    """How much each source piece and each earlier piece contributes to every step (ALTI+).

    Args:
        layer: the decoder layer, from 1; without it, the last.

    Raises:
        ValueError: if there is no such layer.
    """
    from core.analysis.contributions.rollout import contributions as measure

    found = measure(translator.checkpoint.model, trace)
    n_layers = len(found.source)
    layer = n_layers if layer is None else layer
    if not 1 <= layer <= n_layers:
        raise ValueError(f"layer {layer}, but there are only {n_layers} here")
    return Page(trace.source.text, [map_picture(trace, found, layer)])


def why(
    translator: "Translator",
    trace: Trace,
    *,
    step: int,
    wanted: str | None = None,
    other: str | None = None,
    method: "Method" = "integrated_gradients",
) -> Page:
    """What each piece adds to one candidate of a step against another.

    Args:
        step: from 1.
        wanted, other: words, by their first pieces; without them, what the step wrote and the most
            probable other candidate.

    Raises:
        ValueError: if there is no such step, or both are the same piece.
    """
    from core.analysis.contrast.attribution import contrast

    if not 1 <= step <= len(trace.steps):
        raise ValueError(f"step {step}, but there are only {len(trace.steps)} here")
    target = translator.checkpoint.vocabulary.target
    written = trace.target.pieces[step - 1].id
    one = _first_piece(target, wanted) if wanted else written
    rest = [each.token for each in trace.steps[step - 1].candidates if each.token != one]
    if not other and not rest:
        raise ValueError(f"step {step} keeps no other candidate; name one with other=")
    two = _first_piece(target, other) if other else rest[0]
    if one == two:
        raise ValueError("both words begin with the same piece; name two that differ")
    found = contrast(
        translator.checkpoint.model, trace, step=step - 1, wanted=one, other=two, method=method
    )
    labels = [piece_label(target.names[token]) for token in (one, two)]
    return Page(trace.source.text, [amounts_picture(trace, found, *labels)])


def _first_piece(target: "Tokenizer", word: str) -> int:
    tokens = target.encode(word)
    if not tokens:
        raise ValueError(f"{word!r} has no piece; give a word")
    return tokens[0]


def lens(translator: "Translator", trace: Trace) -> Page:
    """What every decoder layer would write at every step (the logit lens)."""
    from core.analysis.lens.logit_lens import logit_lens

    checkpoint = translator.checkpoint
    found = logit_lens(checkpoint.model, checkpoint.vocabulary, trace)
    last = (len(found.ranks) - 1, 0)
    return Page(trace.source.text, [grid_picture(trace, found, last)])


def patching(translator: "Translator", trace: Trace, other: Trace) -> Page:
    """What carries the difference between two sentences: heads, source pieces, steps.

    Raises:
        NotComparableError: if they have different numbers of pieces, or the same translation.
    """
    from core.analysis.patching.patch import patching as patch

    names = translator.checkpoint.vocabulary.target.names
    compared = Compared(trace, patch(translator.checkpoint.model, trace, other), names.__getitem__)
    streams = [stream_picture(compared, "source"), stream_picture(compared, "target")]
    return Page(
        f"{trace.source.text} / {other.source.text}",
        [*head_pictures(compared, compared.shares[0][1]).values(), *streams],
    )


def reasons(
    translator: "Translator",
    trace: Trace,
    kind: Kind = "cross",
    *,
    layer: int,
    head: int,
    row: int,
    split: Split = "key",
) -> Page:
    """Why a head looks where it does: the scores of one row, split by who wrote keys or query.

    Args:
        layer, head, row: from 1; a row is a source piece in encoder self-attention, else a step.

    Raises:
        ValueError: if there is no such head or row, or the head is fixed to a pattern.
    """
    from core.analysis.scores.parts import score_parts

    place = HeadPlace.numbered(kind, layer, head)
    n_rows = len(trace.source.pieces if kind == "encoder" else trace.steps)
    if not 1 <= row <= n_rows:
        raise ValueError(f"row {row}, but there are only {n_rows} here")
    found = score_parts(translator.checkpoint.model, trace, place, row - 1)
    keys = column_labels(trace, kind)[: found.parts.shape[-1]]
    asks = row_labels(trace, kind)[row - 1]
    return Page(trace.source.text, [reasons_picture(found, place, split, asks=asks, keys=keys)])


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
