"""Which choices of the Positions page fit a model, and the experiment that they describe."""

import math
from typing import Any

from core.config import ModelConfig
from explorer.state import PositionPicture, View

MOST_CURVES = 8


def pictures(config: ModelConfig) -> list[PositionPicture]:
    """What there is to show of a model that has positions."""
    always: list[PositionPicture] = ["experiment", "curves", "table", "distance"]
    if config.positions == "learned":
        return [*always, "learned"]
    return [*always, "shift"]


def settle_positions(
    view: View, config: ModelConfig, n_source: int
) -> tuple[View, tuple[str, ...]]:
    """Choices that fit the model and the sentence, and notices for what had to be replaced."""
    notices = []
    chosen: dict[str, Any] = {}
    if view.picture not in pictures(config) and config.positions != "none":
        has = "a learned table" if config.positions == "learned" else "sinusoids"
        notices.append(f"The link says picture {view.picture}, but this model has {has}.")
        chosen["picture"] = "experiment"
    for name, most in (
        ("position", n_source - 1),
        ("k", config.max_positions - n_source),
    ):
        value = getattr(view, name)
        if value > most:
            notices.append(f"The link says {name} {value}, but only 0 to {most} fit here.")
            chosen[name] = min(getattr(View(), name), most)
    fitting = tuple(dict.fromkeys(d for d in view.dimensions if d < config.d_model))[:MOST_CURVES]
    if fitting != view.dimensions:
        notices.append(
            f"The link says dimensions {', '.join(map(str, view.dimensions[:9]))}, but a picture "
            f"has up to {MOST_CURVES} different ones from 0 to {config.d_model - 1}."
        )
    chosen["dimensions"] = fitting or first_dimensions(config)
    return view.replace(**chosen), tuple(notices)


def first_dimensions(config: ModelConfig) -> tuple[int, ...]:
    """A few dimensions that differ well: a pair of the fastest, then slower and slower sines."""
    d = config.d_model
    if config.positions == "learned":
        return tuple(dict.fromkeys((0, d // 4, d // 2, 3 * d // 4)))
    pairs = sorted({0, d // 32, d // 16, d // 8})
    if config.positions == "sinusoidal_halves":
        return (0, d // 2, *pairs[1:])
    return (0, 1, *(2 * pair for pair in pairs[1:]))


def moved_positions(view: View, n: int) -> list[int | None]:
    """Where the experiment puts positions 0 to n - 1; None where nothing is added."""
    if view.positions == "off":
        return [None] * n
    if view.positions == "shift":
        return [position + view.k for position in range(n)]
    return [math.floor(position * view.scale) for position in range(n)]


def ablation_text(view: View) -> str:
    """The experiment as the text of an ablation, as `Run` takes it."""
    value = {"off": "off", "shift": f"shift:{view.k}", "scale": f"scale:{view.scale:g}"}
    prefix = {"both": "", "encoder": "enc.", "decoder": "dec."}[view.stacks]
    return f"{prefix}pos={value[view.positions]}"


def change_name(view: View) -> str:
    """The experiment in words."""
    change = {
        "off": "no positions",
        "shift": f"positions shifted by {view.k}",
        "scale": f"positions scaled by {view.scale:g}",
    }[view.positions]
    return change if view.stacks == "both" else f"{change} in the {view.stacks}"
