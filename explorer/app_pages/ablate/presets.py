"""Suggestions of ablations worth trying, each with the question it answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.analysis.ablation import Ablation, HeadChange, LayerSkip, SublayerSkip
from core.analysis.ablation.in_words import in_words
from core.analysis.ablation.places import with_off
from core.analysis.heads.best import BestHead
from core.config import Kind, ModelConfig


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
            f"Cross-attention {aligned.at.in_words} {best.reason}. Does the translation depend on it?",
            Ablation((aligned,)),
        ),
        Suggestion(
            "With no cross-attention head but that one",
            "Is one head that aligns words enough for a translation?",
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
    off = with_off(Ablation(), [most])
    idle = [place for place, nats in heads.items() if nats >= 0]
    made = [
        Suggestion(
            "Without the head this sentence needs most",
            f"{in_words(off).removesuffix(' off').capitalize()} is the costliest of all {len(heads)} heads "
            "to lose.",
            off,
        ),
        Suggestion(
            "Without every head that was not needed",
            f"{len(idle)} of {len(heads)} heads cost nothing when one alone is off. And all together?",
            with_off(Ablation(), idle),
        ),
    ]
    return [preset for preset in made if preset.ablation.parts]


def _heads(kind: Kind, n_layers: int, n_heads: int) -> list[HeadChange]:
    return [HeadChange(kind, layer, head) for layer in range(n_layers) for head in range(n_heads)]
