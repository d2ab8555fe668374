"""Ablations in words, and suggestions of ablations worth trying."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.analysis.ablation import (
    Ablation,
    HeadChange,
    LayerSkip,
    PositionChange,
    RowOnKey,
    SublayerSkip,
)
from core.analysis.ablation.places import with_off
from core.analysis.head_place import KIND_NAMES
from core.analysis.heads.best import BestHead
from core.config import KINDS, Kind, ModelConfig

SUBLAYERS = {
    "self": "self-attention",
    "cross": "cross-attention",
    "ffn": "feed-forward",
}
MOST_NAMED = 3
"""If more heads of one kind are changed, only their number is given."""


def in_words(ablation: Ablation) -> str:
    """An ablation in words; of many heads, only the number is given."""
    return ", ".join([*_heads_in_words(ablation), *_others_in_words(ablation)]) or "nothing changed"


def _heads_in_words(ablation: Ablation) -> Iterator[str]:
    for kind in KINDS:
        heads = [p for p in ablation.parts if isinstance(p, HeadChange) and p.kind == kind]
        silent = [head for head in heads if head.change == 0]
        if len(silent) > MOST_NAMED:
            yield f"{len(silent)} heads of {KIND_NAMES[kind].lower()} off"
        elif silent:
            yield f"{KIND_NAMES[kind].lower()} {', '.join(head.at.short for head in silent)} off"
        for head in heads:
            if head.change != 0:
                yield f"{KIND_NAMES[kind].lower()} {head.at.short} {_change(head)}"


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


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An ablation worth trying, and the question it answers."""

    title: str
    question: str
    ablation: Ablation


def presets(config: ModelConfig, best: BestHead) -> list[Suggestion]:
    """Suggestions for any model, without repeats."""
    aligned = HeadChange("cross", best.place.layer, best.place.head)
    cross = _heads("cross", config.n_decoder_layers, config.n_heads)
    last_encoder = LayerSkip("encoder", config.n_encoder_layers - 1)
    made = [
        Suggestion(
            f"Without the {best.label} head",
            f"Cross-attention {aligned.at.short} {best.reason}. Is it what the translation hangs on?",
            Ablation((aligned,)),
        ),
        Suggestion(
            "With no cross-attention head but that one",
            "Does the alignment alone carry the meaning across?",
            Ablation(tuple(head for head in cross if head != aligned)),
        ),
        Suggestion(
            "Without cross-attention in layer 1",
            "Later layers still see the source. Do they make up for it?",
            Ablation((SublayerSkip("decoder", 0, "cross"),)),
        ),
        Suggestion(
            "Without the last encoder layer",
            "The decoder reads vectors it was never trained on.",
            Ablation((last_encoder,)),
        ),
    ]
    return [preset for preset in made if preset.ablation.parts]


def swept_presets(effects: Mapping[str, float]) -> list[Suggestion]:
    """Suggestions that need the effect of each head on this sentence.

    Args:
        effects: place -> Δ log-probability in nats, heads among other places.
    """
    heads = {place: nats for place, nats in effects.items() if "H" in place}
    most = min(heads, key=heads.__getitem__)
    idle = [place for place, nats in heads.items() if nats >= 0]
    made = [
        Suggestion(
            "Without the head this sentence needs most",
            f"Of all {len(heads)} heads {most} costs most when it goes.",
            with_off(Ablation(), [most]),
        ),
        Suggestion(
            "Without every head that was not needed",
            f"{len(idle)} of {len(heads)} heads cost nothing when they go alone. And together?",
            with_off(Ablation(), idle),
        ),
    ]
    return [preset for preset in made if preset.ablation.parts]


def _heads(kind: Kind, n_layers: int, n_heads: int) -> list[HeadChange]:
    return [HeadChange(kind, layer, head) for layer in range(n_layers) for head in range(n_heads)]
