"""One query of one head in words, with its own numbers; colours as in the pictures."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.analysis.ablation import Ablation, HeadChange, LayerSkip, Part, RowOnKey, SublayerSkip
from core.analysis.ablation.places import changes_of
from core.analysis.heads.measures import entropy_nats
from core.analysis.heads.walk import Walk, walk
from core.config import Kind
from explorer.choice.page_context import PageContext, n_chosen
from explorer.components.equation.component import Sentence, coloured
from explorer.figures.axes import Array, signed
from explorer.figures.head import piece_labels
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

    @property
    def is_masked(self) -> bool:
        return self.n_visible < len(self.keys)


def rows_of(
    shown: PageContext, inside: "HeadInternals", queries: Iterable[int]
) -> Iterator[HeadRow]:
    """Queries of the head on show: their numbers, and the names of their tokens.

    Args:
        inside: what the head on show computed for the whole trace.
        queries: from 0.
    """
    trace, run, kind = shown.trace, shown.choice.run, shown.view.kind
    asking = trace.source.pieces if kind == "encoder" else trace.consumed
    asks = piece_labels(piece.name for piece in asking)
    produced = piece_labels(piece.name for piece in trace.target.pieces)
    keys = tuple(column_labels(trace, kind))
    changes = changes_of(Ablation.parse(run.ablation), shown.place)
    for query in queries:
        yield HeadRow(
            kind,
            shown.place.head,
            asks[query],
            None if kind == "encoder" else produced[query],
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
            said = f"In this row the head is made to attend to {_quoted(row.keys[part.key])} alone"
        case HeadChange(change="mean"):
            said = "This head’s output is replaced by its mean over data"
        case HeadChange(change="uniform"):
            share = _percent(1 / row.n_visible)
            said = f"This head’s weights are made even, {share} on each key that it may attend to"
        case HeadChange(change=0):
            said = "This head is switched off"
        case _:
            return f"This head’s output is multiplied by {_factor(part):g} before it goes on."
    return f"{said}. The numbers here are what the head would compute otherwise."


def story(row: HeadRow) -> Sentence:
    """Which token asks, which key fits it best, what is passed on."""
    walked, top = row.walked, row.top
    seen = " of the keys that it may attend to" if row.is_masked else ""
    gets, passes = ("gets", "passes") if row.is_walked else ("would get", "would pass")
    return (
        _opening(row),
        coloured("query", "query"),
        f" of {_quoted(row.asks)} has its largest product{seen} with the ",
        coloured("key", "key"),
        f" of {_quoted(row.keys[top])} ({signed(walked.products[top])}). So {_quoted(row.keys[top])} "
        f"{gets} {_percent(walked.weights[top])} of this row’s ",
        coloured("attention", "attention"),
        f", and head {row.head + 1} {passes} on that much of its ",
        coloured("value", "value"),
        ".",
    )


def _opening(row: HeadRow) -> str:
    if row.produced is None:
        return "While the source is read, the "
    after = f"After {_quoted(row.asks)}"
    if row.is_chosen:
        return f"{after} your choice was {_quoted(row.produced)}. Here the "
    return f"{after} the model wrote {_quoted(row.produced)}. In this head, the "


def stages(row: HeadRow) -> tuple[Sentence, ...]:
    """Equation 1 in six steps: q and K, products, scale, mask, softmax, weighted values."""
    return (
        _vectors(row),
        _products(row),
        _scaled(row),
        (mask(row),),
        _weights(row),
        _output(row),
    )


def _vectors(row: HeadRow) -> Sentence:
    n, d_k = len(row.keys), len(row.walked.query)
    return (
        "The ",
        coloured("query", "query"),
        f" of {_quoted(row.asks)} says what it looks for, the ",
        coloured("key", "keys" if n > 1 else "key"),
        f" of {_counted(n, 'token')} what can be found there. Each is {_counted(d_k, 'number')}.",
    )


def _products(row: HeadRow) -> Sentence:
    products, d_k = row.walked.products, len(row.walked.query)
    low, high = int(products.argmin()), int(products.argmax())
    if len(products) == 1:
        reach = f"here {signed(products[0])}"
    else:
        reach = (
            f"here from {signed(products[low])} ({_quoted(row.keys[low])}) to "
            f"{signed(products[high])} ({_quoted(row.keys[high])})"
        )
    return (
        f"Query and key are multiplied dimension by dimension. The {_counted(d_k, 'product')} add "
        f"up to one number per key, {reach}.",
    )


def _scaled(row: HeadRow) -> Sentence:
    d_k, largest = len(row.walked.query), float(row.walked.scaled.max())
    if d_k == 1:
        said = "Here √d_k = √1 = 1, so the division changes nothing."
    else:
        said = f"Divided by √{d_k} = {math.sqrt(d_k):.2f}, the largest is {signed(largest)}."
    return (said if row.is_masked else f"{said} {mask(row)}",)


def mask(row: HeadRow) -> str:
    """What the mask hides from this query."""
    n, n_hidden = len(row.keys), len(row.keys) - row.n_visible
    if row.kind != "decoder":
        who = "every token" if row.kind == "encoder" else "every step"
        return f"Nothing is masked here: {who} may attend to the whole source (section 3.2.3)."
    if not n_hidden:
        return f"Nothing is masked in the last step: all {n} keys come before it (section 3.2.3)."
    high = int(row.walked.products.argmax())
    too = "" if row.walked.visible[high] else f", that of {_quoted(row.keys[high])} too"
    are, scores = ("is", "its score") if n_hidden == 1 else ("are", "their scores")
    return (
        f"{n_hidden} of {n} tokens {are} not written yet: the mask sets {scores} to −∞{too}, so that "
        "no step sees what it has to predict (section 3.2.3)."
    )


def _weights(row: HeadRow, n: int = 3) -> Sentence:
    order = np.argsort(row.walked.weights)[::-1][:n]
    named = [
        f"{_quoted(row.keys[key])} {_percent(row.walked.weights[key])}"
        for key in order
        if row.walked.weights[key] >= LEAST_NAMED
    ]
    return (
        "The softmax turns scores into ",
        coloured("attention", "weights"),
        f" from 0 to 1 that add up to 1. Largest: {', '.join(named)}.",
    )


def _output(row: HeadRow) -> Sentence:
    return (
        "Each ",
        coloured("value", "value"),
        f", {_counted(row.walked.values.shape[1], 'number')}, is multiplied by its weight α. Their "
        "sum is the head’s ",
        coloured("attention", "output"),
        f", of length {np.linalg.norm(row.walked.output):.2f}.",
    )


def without_scale(row: HeadRow) -> str:
    """How the softmax of this query would differ without the division by √d_k."""
    walked = row.walked
    if row.n_visible == 1:
        return "This row may attend to one key only: its weight is 1 with the division and without."
    (share, entropy), (other_share, other_entropy) = (
        (_percent(float(weights.max())), f"{entropy_nats(weights):.2f}")
        for weights in (walked.weights, walked.weights_unscaled)
    )
    even = f"even weights on {row.n_visible} keys have {math.log(row.n_visible):.2f}"
    if (share, entropy) == (other_share, other_entropy):
        return (
            f"Here the division makes no difference: without it the largest weight is {share} too, "
            f"and the entropy {entropy} nats ({even})."
        )
    instead = (
        f"still be {share}" if share == other_share else f"be {other_share} instead of {share}"
    )
    return (
        f"Without the division, this row’s largest weight would {instead}, and its entropy "
        f"{other_entropy} nats instead of {entropy} ({even})."
    )


def share(row: HeadRow) -> str:
    """This head's share of what all heads add for this query."""
    norms = row.share_norms
    if any(isinstance(part, LayerSkip | SublayerSkip) for part in row.changes):
        return "The layer goes on without this attention here: none of its heads adds anything."
    changes = [part.change for part in row.changes if isinstance(part, HeadChange)]
    if 0 in changes:
        return f"Head {row.head + 1} is switched off here: it adds nothing to this row."
    who = (
        f"the mean in place of head {row.head + 1}" if "mean" in changes else f"head {row.head + 1}"
    )
    if len(norms) == 1:
        return f"This layer has one head: all that is added to the row comes from {who}."
    shares = norms / max(norms.sum(), 1e-12)
    own, first = row.head, int(shares.argmax())
    most = (
        "more than any other"
        if own == first
        else f"head {first + 1} most ({_percent(shares[first])})"
    )
    return (
        f"In this row, {who} adds {_percent(shares[own])} of the summed lengths of all "
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


def _percent(share: float) -> str:
    return "< 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _quoted(label: str) -> str:
    """A piece inside a sentence: with its own direction of writing."""
    return f"“\u2068{label}\u2069”"
