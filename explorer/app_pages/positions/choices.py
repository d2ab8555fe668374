"""The choices of the Positions page that fit a model, and the ablation that they describe."""

import math
from dataclasses import dataclass
from typing import Any

from core.analysis.ablation import STACKS, Ablation, PositionChange
from core.analysis.trace.trace import Trace
from core.config import ModelConfig
from core.decoding.hypotheses import max_target_pieces
from explorer.app_pages.positions.fields import MOST_SHIFT, PositionPicture, PositionsFields

MOST_CURVES = 8


def pictures(config: ModelConfig) -> list[PositionPicture]:
    """The pictures that the page can draw of a model with positions."""
    always: list[PositionPicture] = ["table", "curves", "distance"]
    if config.positions == "learned":
        return [*always, "learned"]
    return [*always, "shift"]


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many positions a sentence needs."""

    source: int
    target: int  # the longest translation: a change may lengthen it


def lengths(trace: Trace, config: ModelConfig) -> Lengths:
    n_source = len(trace.source.pieces)
    return Lengths(
        n_source, 1 + max_target_pieces(n_source, trace.search, config.max_positions)
    )  # 1: <s>


def most_shift(fields: PositionsFields, config: ModelConfig, lengths: Lengths) -> int:
    """The largest k that keeps every shifted position in the table and that a link accepts."""
    moves_decoder = fields.stacks != "encoder"
    n = max(lengths.source, lengths.target) if moves_decoder else lengths.source
    return max(0, min(MOST_SHIFT, config.max_positions - n))


def settle_positions(
    fields: PositionsFields, config: ModelConfig, lengths: Lengths
) -> tuple[PositionsFields, tuple[str, ...]]:
    """Replace choices that do not fit the model or the sentence, with a notice for each."""
    notices = []
    chosen: dict[str, Any] = {}
    if fields.picture == "experiment":
        fields = fields.replace(picture="table")
    if fields.picture not in pictures(config) and config.positions != "none":
        has = "a learned table" if config.positions == "learned" else "sinusoids"
        notices.append(f"The link says picture {fields.picture}, but this model has {has}.")
        chosen["picture"] = "table"
    for name, most in (
        ("position", lengths.source - 1),
        ("k", most_shift(fields, config, lengths)),
    ):
        value = getattr(fields, name)
        if value > most:
            notices.append(f"The link says {name} {value}, but only 0 to {most} fit here.")
            chosen[name] = min(getattr(PositionsFields(), name), most)
    fitting = tuple(dict.fromkeys(d for d in fields.dimensions if d < config.d_model))[:MOST_CURVES]
    if fitting != fields.dimensions:
        notices.append(
            f"The link says dimensions {', '.join(map(str, fields.dimensions[:9]))}, but a picture "
            f"has up to {MOST_CURVES} different ones from 0 to {config.d_model - 1}."
        )
    chosen["dimensions"] = fitting or first_dimensions(config)
    return fields.replace(**chosen), tuple(notices)


def first_dimensions(config: ModelConfig) -> tuple[int, ...]:
    """A few dimensions of clearly different frequency: the fastest pair, then slower sines."""
    d = config.d_model
    if config.positions == "learned":
        return tuple(dict.fromkeys((0, d // 4, d // 2, 3 * d // 4)))
    pairs = sorted({0, d // 32, d // 16, d // 8})
    if config.positions == "sinusoidal_halves":
        return (0, d // 2, *pairs[1:])
    return (0, 1, *(2 * pair for pair in pairs[1:]))


def moved_positions(fields: PositionsFields, n: int) -> list[int | None]:
    """The positions that the experiment gives to tokens 0 to n - 1; None where none is added."""
    if fields.positions == "off":
        return [None] * n
    if fields.positions == "shift":
        return [position + fields.k for position in range(n)]
    return [math.floor(position * fields.scale) for position in range(n)]


def ablation_text(fields: PositionsFields) -> str:
    """The experiment as the text of an ablation, as `Run` takes it."""
    amount = {"off": 0.0, "shift": float(fields.k), "scale": fields.scale}[fields.positions]
    stacks = STACKS if fields.stacks == "both" else (fields.stacks,)
    return str(Ablation(tuple(PositionChange(s, fields.positions, amount) for s in stacks)))


def change_name(fields: PositionsFields) -> str:
    """The experiment in words."""
    change = {
        "off": "no positions",
        "shift": f"positions shifted by {fields.k}",
        "scale": f"positions scaled by {fields.scale:g}",
    }[fields.positions]
    return change if fields.stacks == "both" else f"{change} in the {fields.stacks}"
