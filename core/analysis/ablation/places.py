"""Which heads, sub-layers and layers an ablation switches off or changes."""

from collections.abc import Collection
from typing import Literal

from core.analysis.ablation import (
    Ablation,
    HeadChange,
    LayerSkip,
    Part,
    PositionChange,
    RowOnKey,
    SublayerSkip,
)
from core.analysis.ablation.parts import Sublayer, stack_of
from core.analysis.head_place import HeadPlace

State = Literal["off", "changed"]
"""The state of a place: switched off, or changed in another way (scaled, uniform, shifted)."""
FROM_OUTSIDE = (PositionChange, LayerSkip, SublayerSkip, HeadChange, RowOnKey)


def off(place: str) -> Part:
    """The part of an ablation that switches off a place, such as `cross.L1H6` or `enc.L2`.

    Raises:
        ValueError: if there is no such place.
    """
    last = place.rpartition(".")[2]
    value = "off" if last == "pos" else "0" if "H" in last else "skip"
    (part,) = Ablation.parse(f"{place}={value}").parts
    return part


def states(ablation: Ablation) -> dict[str, State]:
    """Map each place that the ablation touches to "off" or "changed"."""
    return {part.place: "off" if part == _off_there(part) else "changed" for part in ablation.parts}


def _off_there(part: Part) -> Part | None:
    try:
        return off(part.place)
    except ValueError:  # a row of a head: it can be put on a key, but not off
        return None


def changes_of(ablation: Ablation, head: HeadPlace) -> tuple[Part, ...]:
    """The parts that change a head, its sub-layer or its layer, outermost first."""
    sublayer: Sublayer = "cross" if head.kind == "cross" else "self"
    stack = stack_of(head.kind)
    around = (
        LayerSkip(stack, head.layer).place,
        SublayerSkip(stack, head.layer, sublayer).place,
        head.label,
    )
    return tuple(
        part
        for part in ablation.parts
        if part.place in around or part.place.startswith(f"{head.label}.row")
    )


def is_silent(ablation: Ablation, head: HeadPlace) -> bool:
    """Whether a head outputs nothing, because the head, its sub-layer or its layer is off."""
    return any(part == _off_there(part) for part in changes_of(ablation, head))


def is_blind(ablation: Ablation, head: HeadPlace) -> bool:
    """Whether the head's own attention weights have no effect on its output, for every query."""
    replaced = any(
        isinstance(part, HeadChange) and part.change in ("mean", "uniform")
        for part in changes_of(ablation, head)
    )
    return replaced or is_silent(ablation, head)


def with_off(ablation: Ablation, places: Collection[str]) -> Ablation:
    """The same ablation with exactly these places off; changes inside such a place are dropped.

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
