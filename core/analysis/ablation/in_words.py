"""An ablation in plain words, as `cross-attention layer 1, head 6 off`."""

from collections.abc import Iterator

from core.analysis.ablation.parts import (
    HeadChange,
    LayerSkip,
    PositionChange,
    RowOnKey,
    SublayerSkip,
)
from core.analysis.ablation.spec import Ablation
from core.analysis.head_place import KIND_NAMES
from core.config import KINDS

SUBLAYERS = {
    "self": "self-attention",
    "cross": "cross-attention",
    "ffn": "feed-forward",
}
MOST_NAMED = 3
"""If more heads of one kind are off, only their number is given."""


def in_words(ablation: Ablation) -> str:
    """An ablation in words; of many heads, only the number is given."""
    return "; ".join([*_heads_in_words(ablation), *_others_in_words(ablation)]) or "nothing changed"


def _heads_in_words(ablation: Ablation) -> Iterator[str]:
    for kind in KINDS:
        name = KIND_NAMES[kind].lower()
        heads = [p for p in ablation.parts if isinstance(p, HeadChange) and p.kind == kind]
        silent = [head for head in heads if head.change == 0]
        if len(silent) > MOST_NAMED:
            yield f"{len(silent)} heads of {name} off"
        elif silent:
            yield f"{name} {' and '.join(head.at.in_words for head in silent)} off"
        for head in heads:
            if head.change != 0:
                yield f"{name} {head.at.in_words} {_change(head)}"


def _change(head: HeadChange) -> str:
    return f"× {head.change:g}" if isinstance(head.change, float) else str(head.change)


def _others_in_words(ablation: Ablation) -> Iterator[str]:
    for part in ablation.parts:
        if isinstance(part, LayerSkip):
            yield f"{part.stack} layer {part.layer + 1} skipped"
        elif isinstance(part, SublayerSkip):
            name = SUBLAYERS[part.sublayer]
            yield f"{name} of {part.stack} layer {part.layer + 1} skipped"
        elif isinstance(part, PositionChange):
            change = "no positions" if part.change == "off" else f"positions {part.value}"
            yield f"{change} in the {part.stack}"
        elif isinstance(part, RowOnKey):
            yield str(part)
