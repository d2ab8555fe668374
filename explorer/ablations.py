"""What is switched off, as places such as `cross.L1H6`, in words, and a few ablations worth trying."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from core.ablation import (
    SHORT,
    Ablation,
    HeadChange,
    LayerSkip,
    Part,
    PositionChange,
    RowOnKey,
    SublayerSkip,
)
from core.config import ModelConfig
from core.records import KINDS, Kind
from explorer.best_head import BestHead

State = Literal["off", "changed"]
"""What became of a place: switched off, or changed otherwise (scaled, uniform, moved)."""

NAMES: dict[Kind, str] = {
    "encoder": "encoder self-attention",
    "decoder": "decoder self-attention",
    "cross": "cross-attention",
}
SUBLAYERS = {
    "self": "self-attention",
    "cross": "cross-attention",
    "ffn": "feed-forward",
}
FROM_OUTSIDE = (PositionChange, LayerSkip, SublayerSkip, HeadChange, RowOnKey)
MOST_NAMED = 3
"""Of more heads of one kind, only the number is told."""


def off(place: str) -> Part:
    """The part of an ablation that switches a place off.

    Raises:
        ValueError: if there is no such place.
    """
    last = place.rpartition(".")[2]
    value = "off" if last == "pos" else "0" if "H" in last else "skip"
    (part,) = Ablation.parse(f"{place}={value}").parts
    return part


def states(ablation: Ablation) -> dict[str, State]:
    """Place -> what became of it; places that are as they were are left out."""
    return {part.place: "off" if part == _off_there(part) else "changed" for part in ablation.parts}


def _off_there(part: Part) -> Part | None:
    try:
        return off(part.place)
    except ValueError:  # a row of a head: it can be put on a key, but not off
        return None


def changes_of(ablation: Ablation, kind: Kind, layer: int, head: int) -> tuple[Part, ...]:
    """What is changed about a head (from 1) or about what holds it, from the outside in."""
    stack, sublayer = ("dec", "cross") if kind == "cross" else (SHORT[kind], "self")
    place = f"{SHORT[kind]}.L{layer}H{head}"
    around = (f"{stack}.L{layer}", f"{stack}.L{layer}.{sublayer}", place)
    return tuple(
        part
        for part in ablation.parts
        if part.place in around or part.place.startswith(f"{place}.row")
    )


def is_silent(ablation: Ablation, kind: Kind, layer: int, head: int) -> bool:
    """Whether a head (from 1) brings nothing, because it or what holds it is off."""
    return any(part == _off_there(part) for part in changes_of(ablation, kind, layer, head))


def is_blind(ablation: Ablation, kind: Kind, layer: int, head: int) -> bool:
    """Whether it makes no difference where a head (from 1) would look by itself, in every row."""
    replaced = any(
        isinstance(part, HeadChange) and part.change in ("mean", "uniform")
        for part in changes_of(ablation, kind, layer, head)
    )
    return replaced or is_silent(ablation, kind, layer, head)


def with_off(ablation: Ablation, places: Collection[str]) -> Ablation:
    """The same ablation with exactly these places off; what then lies inside of one is forgotten.

    Raises:
        ValueError: if there is no such place.
    """
    kept = [part for part in ablation.parts if states(ablation)[part.place] == "changed"]
    parts = [*map(off, places), *(part for part in kept if part.place not in places)]
    made = Ablation()
    for part in sorted(parts, key=lambda part: FROM_OUTSIDE.index(type(part))):
        made = _joined(made, part)
    return made


def _joined(ablation: Ablation, part: Part) -> Ablation:
    try:
        return ablation + Ablation((part,))
    except ValueError:  # inside of what is off already
        return ablation


def in_words(ablation: Ablation) -> str:
    """What is changed, shorter than its text where many heads are."""
    return ", ".join([*_heads_in_words(ablation), *_others_in_words(ablation)]) or "nothing changed"


def _heads_in_words(ablation: Ablation) -> Iterator[str]:
    for kind in KINDS:
        heads = [p for p in ablation.parts if isinstance(p, HeadChange) and p.kind == kind]
        silent = [head for head in heads if head.change == 0]
        if len(silent) > MOST_NAMED:
            yield f"{len(silent)} heads of {NAMES[kind]} off"
        elif silent:
            yield f"{NAMES[kind]} {', '.join(_number(head) for head in silent)} off"
        for head in heads:
            if head.change != 0:
                yield f"{NAMES[kind]} {_number(head)} {_change(head)}"


def _number(head: HeadChange) -> str:
    return f"L{head.layer + 1}H{head.head + 1}"


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
class Preset:
    """Something worth trying, and the question it asks."""

    title: str
    question: str
    ablation: Ablation


def presets(config: ModelConfig, best: BestHead) -> list[Preset]:
    """What to try first on any model; none twice."""
    aligned = HeadChange("cross", best.layer - 1, best.head - 1)
    cross = _heads("cross", config.n_decoder_layers, config.n_heads)
    last_encoder = LayerSkip("encoder", config.n_encoder_layers - 1)
    made = [
        Preset(
            f"Without the {best.label} head",
            f"Cross-attention {_number(aligned)} {best.reason}. Is it what the translation hangs on?",
            Ablation((aligned,)),
        ),
        Preset(
            "With no cross-attention head but that one",
            "Does the alignment alone carry the meaning across?",
            Ablation(tuple(head for head in cross if head != aligned)),
        ),
        Preset(
            "Without cross-attention in layer 1",
            "Later layers still see the source. Do they make up for it?",
            Ablation((SublayerSkip("decoder", 0, "cross"),)),
        ),
        Preset(
            "Without the last encoder layer",
            "The decoder reads vectors it was never trained on.",
            Ablation((last_encoder,)),
        ),
    ]
    return [preset for preset in made if preset.ablation.parts]


def swept_presets(effects: Mapping[str, float]) -> list[Preset]:
    """What to try once the effect of each head on this sentence is known.

    Args:
        effects: place -> Δ log-probability in nats, heads among other places.
    """
    heads = {place: nats for place, nats in effects.items() if "H" in place}
    most = min(heads, key=heads.__getitem__)
    idle = [place for place, nats in heads.items() if nats >= 0]
    made = [
        Preset(
            "Without the head this sentence needs most",
            f"Of all {len(heads)} heads {most} costs most when it goes.",
            with_off(Ablation(), [most]),
        ),
        Preset(
            "Without every head that was not needed",
            f"{len(idle)} of {len(heads)} heads cost nothing when they go alone. And together?",
            with_off(Ablation(), idle),
        ),
    ]
    return [preset for preset in made if preset.ablation.parts]


def _heads(kind: Kind, n_layers: int, n_heads: int) -> list[HeadChange]:
    return [HeadChange(kind, layer, head) for layer in range(n_layers) for head in range(n_heads)]
