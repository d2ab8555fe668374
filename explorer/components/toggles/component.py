"""Every head, layer and sub-layer as a switch, in one grid for each kind of attention."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.config import ModelConfig
from explorer.components import source
from explorer.figures.axes import signed
from explorer.figures.colours import effect_colour

SCRIPT, STYLE = (
    source("common.js", "toggles/component.js"),
    source("common.css", "toggles/component.css"),
)
_mount = st.components.v2.component("attention_toggles", js=SCRIPT, css=STYLE)


@dataclass(frozen=True, slots=True)
class Grid:
    """One kind of attention: how its places are written, and what can be switched in each layer."""

    title: str
    short: str  # how its heads are written
    stack: str
    sublayers: tuple[tuple[str, str], ...]  # how written, column heading
    has_layers: bool  # layers and positions of a stack are switched once, beside its self-attention


GRIDS = (
    Grid("Encoder self-attention", "enc", "enc", (("self", "all"), ("ffn", "FFN")), True),
    Grid("Decoder self-attention", "dec", "dec", (("self", "all"), ("ffn", "FFN")), True),
    Grid("Cross-attention", "cross", "dec", (("cross", "all"),), False),
)
STACKS = {"enc": "Encoder", "dec": "Decoder"}
SUBLAYERS = {"self": "self-attention", "cross": "cross-attention", "ffn": "feed-forward"}


@dataclass(frozen=True, slots=True)
class Effects:
    """What switching each place off changes; heads, and perhaps layers and sub-layers."""

    title: str
    of: Mapping[str, float]
    """place, as an ablation writes it -> change. Below zero it was needed."""
    unit: str


def toggles(
    model: ModelConfig,
    states: Mapping[str, str],
    *,
    key: str,
    on_switch: Callable[[], None],
    effects: Effects | None = None,
    marked: tuple[str, str] | None = None,
) -> None:
    """Draw the switches; a click switches one, a double click switches off its kind's other heads.

    Args:
        states: place, as an ablation writes it -> "off" or "changed"; see `payload`.
        on_switch: called before the next run; `switched(key)` then says what is off.
    """
    data = payload(model, states, effects=effects, marked=marked)
    _mount(data=data, key=key, on_off_change=on_switch)


def switched(key: str) -> list[str] | None:
    """All places that are off, if the reader has just switched one; else None."""
    places = getattr(st.session_state.get(key), "off", None)
    return None if places is None else [str(place) for place in places]


def payload(
    model: ModelConfig,
    states: Mapping[str, str],
    *,
    effects: Effects | None = None,
    marked: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """The data that the script draws.

    Args:
        effects: the largest one of a head sets the end of the colour scale; layers beyond it look
            alike.
        marked: the place of a head to mark, and why.
    """
    return {
        "n_heads": model.n_heads,
        "grids": [
            {
                "title": grid.title,
                "columns": _columns(grid, model.n_heads),
                "rows": list(_rows(grid, model)),
            }
            for grid in GRIDS
        ],
        "states": dict(states),
        "marked": {"place": marked[0], "reason": marked[1]} if marked else None,
        "effects": _effects(effects) if effects else None,
    }


def _columns(grid: Grid, n_heads: int) -> list[str]:
    numbers = [str(head) for head in range(1, n_heads + 1)]
    return ["", *numbers, *(heading for _, heading in grid.sublayers)]


def _rows(grid: Grid, model: ModelConfig) -> Iterator[list[dict[str, Any]]]:
    n_layers = model.n_encoder_layers if grid.stack == "enc" else model.n_decoder_layers
    for layer in range(1, n_layers + 1):
        row = _Row(grid, layer)
        heads = [row.head(head) for head in range(1, model.n_heads + 1)]
        yield [row.layer_cell(), *heads, *(row.sublayer(name) for name, _ in grid.sublayers)]
    if grid.has_layers and model.positions != "none":
        stack = STACKS[grid.stack]
        yield [_cell("positions", f"{grid.stack}.pos", f"{stack} positions", text="Positions")]


@dataclass(frozen=True, slots=True)
class _Row:
    grid: Grid
    layer: int

    @property
    def place(self) -> str:
        return f"{self.grid.stack}.L{self.layer}"

    def layer_cell(self) -> dict[str, Any]:
        text = f"Layer {self.layer}"
        if not self.grid.has_layers:
            return {"kind": "label", "text": text}
        name = f"{STACKS[self.grid.stack]} layer {self.layer}, whole"
        return _cell("layer", self.place, name, text=text)

    def head(self, head: int) -> dict[str, Any]:
        attention = "cross" if self.grid.short == "cross" else "self"
        return _cell(
            "head",
            f"{self.grid.short}.L{self.layer}H{head}",
            f"{self.grid.title}, layer {self.layer}, head {head}",
            outer=[self.place, f"{self.place}.{attention}"],
        )

    def sublayer(self, name: str) -> dict[str, Any]:
        title = f"{STACKS[self.grid.stack]} layer {self.layer}, {SUBLAYERS[name]} sub-layer"
        return _cell("sublayer", f"{self.place}.{name}", title, outer=[self.place])


def _cell(
    kind: str, place: str, name: str, *, text: str = "", outer: list[str] | None = None
) -> dict[str, Any]:
    return {"kind": kind, "place": place, "name": name, "text": text, "outer": outer or []}


def _effects(effects: Effects) -> dict[str, Any]:
    limit = max(1e-3, *(abs(change) for place, change in effects.of.items() if "H" in place))
    lowest, highest = min(effects.of.values()), max(effects.of.values())
    shares = (-1, -0.5, 0, 0.5, 1)
    ends: dict[float, str] = {
        -1: " or less" if lowest < -limit else "",
        1: " or more" if highest > limit else "",
    }
    return {
        "of": {
            place: {
                "short": signed(change, 1) if abs(change) >= 0.05 else "0",
                "long": f"{signed(change)} {effects.unit}",
                **_colours(change / limit),
            }
            for place, change in effects.of.items()
        },
        "title": effects.title,
        "low": "it was needed",
        "high": "it was in the way",
        "legend": [
            {
                "text": signed(limit * abs(share) * share) + ends.get(share, ""),
                **_colours(share * abs(share)),
            }
            for share in shares
        ],
    }


def _colours(share: float) -> dict[str, str]:
    background, ink = effect_colour(share)
    return {"colour": background, "ink": ink}
