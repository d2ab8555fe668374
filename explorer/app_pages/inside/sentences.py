"""One query of one head in words, with its own numbers; colours as in the pictures."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.analysis.ablation import Ablation, HeadChange, LayerSkip, Part, RowOnKey, SublayerSkip
from core.analysis.ablation.places import changes_of
from core.analysis.heads.measures import entropy_nats
from core.analysis.heads.walk import Walk, walk
from core.config import Kind
from explorer.app_pages.inside.figures import most_entropy_nats
from explorer.choice.page_context import PageContext, n_chosen
from explorer.figures.axes import Array, signed
from explorer.figures.head import piece_labels
from explorer.frame.messages import plain
from explorer.head.matrix import column_labels

if TYPE_CHECKING:
    from core.analysis.trace.head_internals import HeadInternals

LEAST_NAMED = 0.005


@dataclass(frozen=True, slots=True)
class HeadRow:
    """One query of one head: its numbers, and the names of the query and the keys."""

    kind: Kind
    head: int  # from 0
    asks: str
    produced: str | None  # the token that the step produced; None in the encoder
    is_chosen: bool  # the reader, not the model, chose what the step produced
    keys: tuple[str, ...]
    walked: Walk  # Equation 1, whatever is changed about the head
    share_norms: Array  # H: the norm of each head's share for this query, after W^O
    changes: tuple[Part, ...] = ()  # of the model that act on this query of this head

    @property
    def is_walked(self) -> bool:
        """Whether the head outputs the result of Equation 1, or that times a factor."""
        return all(_factor(part) for part in self.changes)

    @property
    def top(self) -> int:
        """The key with the largest weight, and so with the largest visible product."""
        return int(np.where(self.walked.visible, self.walked.products, -np.inf).argmax())

    @property
    def n_visible(self) -> int:
        return int(self.walked.visible.sum())


def row_of(shown: PageContext, inside: "HeadInternals") -> HeadRow:
    """The query on screen: its numbers, and the names of its tokens.

    Args:
        inside: what the head on show computed for the whole trace.
    """
    trace, run, kind, query = shown.trace, shown.choice.run, shown.view.kind, shown.query
    asking = trace.source.pieces if kind == "encoder" else trace.consumed
    asks = piece_labels(piece.name for piece in asking)[query]
    target = piece_labels(piece.name for piece in trace.target.pieces)
    produced = None if kind == "encoder" else target[query]
    keys = tuple(column_labels(trace, kind))
    changes = changes_of(Ablation.parse(run.ablation), shown.place)
    return HeadRow(
        kind,
        shown.place.head,
        asks,
        produced,
        query < n_chosen(run, trace),
        keys,
        walk(inside.query[query], inside.key, inside.value, inside.visible[query]),
        inside.share_norms[:, query],
        tuple(part for part in changes if _reaches(part, query)),
    )


def _reaches(part: Part, query: int) -> bool:
    """Whether a change to a head, its sub-layer or its layer acts on this query."""
    return not isinstance(part, RowOnKey) or part.row == query


def _factor(part: Part) -> float:
    """The factor on the head's output under a change; 0 if the output is replaced."""
    return part.change if isinstance(part, HeadChange) and isinstance(part.change, float) else 0.0


def caveat(row: HeadRow) -> str:
    """A note where the head is changed but this page shows what it would compute; else empty."""
    return " ".join(_caveat(row, part) for part in row.changes)


def _caveat(row: HeadRow, part: Part) -> str:
    match part:
        case LayerSkip():
            said = f"{part.stack.capitalize()} layer {part.layer + 1} is skipped"
        case SublayerSkip():
            said = "This sub-layer is skipped"
        case RowOnKey():
            said = (
                f"In this row the head is made to look at “\u2068{row.keys[part.key]}\u2069” alone"
            )
        case HeadChange(change="mean"):
            said = "In place of what this head brings stands its mean over data"
        case HeadChange(change="uniform"):
            share = 1 / row.n_visible
            said = f"This head’s weights are made even, {share:.0%} on each key that it may look at"
        case HeadChange(change=0):
            said = "This head is switched off"
        case _:
            return f"What this head brings is multiplied by {_factor(part):g} before it goes on."
    return f"{said}: what follows is what the head would compute otherwise."


def story(row: HeadRow) -> str:
    """One sentence: which token asks, which key it attends to most, what is passed on."""
    walked, top = row.walked, row.top
    is_masked = row.n_visible < len(row.keys)
    seen = " among the keys it may look at" if is_masked else ""
    goes, passes = ("goes", "passes") if row.is_walked else ("would go", "would pass")
    return (
        f"{_opening(row)} :blue[**query**] of {_quoted(row.asks)} asks: its largest product{seen} is "
        f"with the :red[**key**] of {_quoted(row.keys[top])} ({signed(walked.products[top])}). "
        f"So {walked.weights[top]:.0%} of this row's :violet[**attention**] {goes} there, and head "
        f"{row.head + 1} {passes} on that much of its :green[**value**]."
    )


def _opening(row: HeadRow) -> str:
    if row.produced is None:
        return "While the source is read, the"
    after = f"After {_quoted(row.asks)}"
    if row.is_chosen:
        return f"{after} your choice was {_quoted(row.produced)}. Here the"
    return f"{after} the model produced {_quoted(row.produced)}. This head's"


def stages(row: HeadRow) -> tuple[str, str, str]:
    """Equation 1 in three sentences, one for the top, middle and bottom of the picture."""
    walked = row.walked
    d_k, d_v = len(walked.query), walked.values.shape[1]
    low, high = int(walked.products.argmin()), int(walked.products.argmax())
    return (
        f"1. **q·k.** The :blue[query] of {_quoted(row.asks)} and each :red[key] are {d_k} numbers; "
        f"their product is one number a key, here from {signed(walked.products[low])} "
        f"({_quoted(row.keys[low])}) to {signed(walked.products[high])} ({_quoted(row.keys[high])}).",
        f"2. **÷ √{d_k}.** Divided by $\\sqrt{{d_k}}$ = {math.sqrt(d_k):.2f}, the largest is "
        f"{signed(walked.scaled[high])}.\n"
        f"3. **mask.** {_mask(row)}\n"
        f"4. **softmax.** The :violet[attention]: weights from 0 to 1 that sum to 1. {_largest(row)}",
        f"5. **α v.** Each :green[value], {d_v} numbers, is multiplied by its weight α; their sum "
        f"is the head's :violet[output], of length {np.linalg.norm(walked.output):.2f}.",
    )


def _mask(row: HeadRow) -> str:
    n, n_hidden = len(row.keys), len(row.keys) - row.n_visible
    if row.kind != "decoder":
        who = "every piece" if row.kind == "encoder" else "every step"
        return f"Nothing is hidden: {who} may look at the whole source (section 3.2.3)."
    if not n_hidden:
        return f"Nothing is hidden from the last step: all {n} keys came before it (section 3.2.3)."
    high = int(row.walked.products.argmax())
    too = "" if row.walked.visible[high] else f", that of {_quoted(row.keys[high])} too"
    return (
        f"{n_hidden} of {n} keys belong to later steps; their scores become −∞{too}, so that no "
        "step sees what it has to predict (section 3.2.3)."
    )


def _largest(row: HeadRow, n: int = 3) -> str:
    order = np.argsort(row.walked.weights)[::-1][:n]
    named = [
        f"{_quoted(row.keys[key])} {row.walked.weights[key]:.0%}"
        for key in order
        if row.walked.weights[key] >= LEAST_NAMED
    ]
    return f"Largest: {', '.join(named)}."


def without_scale(row: HeadRow) -> str:
    """How the softmax of this query would differ without the division by √d_k."""
    walked = row.walked
    if row.n_visible == 1:
        return "This row may look at one key only: its weight is 1 with the division and without."
    before, after = (
        (entropy_nats(weights), weights.max())
        for weights in (walked.weights, walked.weights_unscaled)
    )
    return (
        f"Without the division, this row's largest weight would be {after[1]:.0%} instead of "
        f"{before[1]:.0%}, and its entropy {after[0]:.2f} nats instead of {before[0]:.2f} (an even "
        f"row over {row.n_visible} keys has {most_entropy_nats(walked):.2f})."
    )


def share(row: HeadRow) -> str:
    """This head's share of what all heads add for this query."""
    norms = row.share_norms
    if any(isinstance(part, LayerSkip | SublayerSkip) for part in row.changes):
        return "The layer goes on without this attention here: nothing of what its heads bring is added."
    changes = [part.change for part in row.changes if isinstance(part, HeadChange)]
    if 0 in changes:
        return f"Head {row.head + 1} is switched off here: it brings nothing to this row."
    who = (
        f"the mean in place of head {row.head + 1}" if "mean" in changes else f"head {row.head + 1}"
    )
    if len(norms) == 1:
        return f"This layer has one head: all that is added to the row comes from {who}."
    shares = norms / max(norms.sum(), 1e-12)
    own, first = row.head, int(shares.argmax())
    most = "more than any other" if own == first else f"head {first + 1} most ({shares[first]:.0%})"
    return (
        f"In this row, {who} brings {shares[own]:.0%} of the summed lengths of all "
        f"{len(norms)} heads, {most}."
    )


def table(row: HeadRow) -> list[dict[str, str | float]]:
    """All numbers of this query, key by key."""
    walked = row.walked
    lengths = np.linalg.norm(walked.weighted, axis=1)
    return [
        {
            "key": key,
            "q·k": round(float(walked.products[i]), 3),
            "÷ √d_k": round(float(walked.scaled[i]), 3),
            "may look": "yes" if walked.visible[i] else "no",
            "weight α": round(float(walked.weights[i]), 4),
            "weight without ÷ √d_k": round(float(walked.weights_unscaled[i]), 4),
            "‖α v‖": round(float(lengths[i]), 3),
        }
        for i, key in enumerate(row.keys)
    ]


def _quoted(label: str) -> str:
    """A piece inside a sentence, as it was typed: no Markdown, and its own direction of writing."""
    return f"“\u2068{plain(label)}\u2069”"
