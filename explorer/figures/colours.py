"""Colours, in one place: perceptually even scales and categories fit for colour-blind readers."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

N_LEVELS = 256

SIGNED_SCALE = "RdBu"
"""Signed numbers, always on a scale symmetric around zero: red below, blue above."""

MARK = "#e69f00"
"""A frame around what is chosen."""

MARK_ON_LIGHT = "#a86800"
"""The same as a line or as text on a white background, where `MARK` has 2.2:1 only."""

MIDDLE, BELOW = "#f7f7f7", "#4d4d4d"
"""Zero and the lowest number on the scale of a role, whose colour is the highest; zero looks as it
does in `SIGNED_SCALE`."""

MIDDLE_ON_DARK, BELOW_ON_DARK = "#2b2d36", "#bdbdbd"
"""The same two on a dark background, where `Role.on_dark` is the colour of the highest number."""

OKABE_ITO = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b3a81f", "#808080",
)  # fmt: skip
"""Categories (Okabe & Ito 2008), most readable first. Its yellow is darkened and its black made
grey, since both would vanish on one of the two backgrounds."""


@dataclass(frozen=True, slots=True)
class Role:
    """A colour that means one thing everywhere."""

    mark: str  # areas and lines: at least 3:1 on both backgrounds
    on_light: str  # text: at least 4.5:1
    on_dark: str


ROLES = {
    "query": Role("#005ce5", "#005ce5", "#6ea8ff"),
    "key": Role("#c71414", "#c71414", "#ff7b72"),
    "value": Role("#1f9956", "#147a43", "#4cc38a"),
    "attention": Role("#8154a8", "#8154a8", "#c79be8"),
}
"""Q blue, K red, V green, attention purple, in pictures and in the text beside them."""


def role_variables() -> str:
    """CSS variables of both themes: a role's marks and text, zero, below zero, what is chosen."""
    pairs = {
        **{name: (role.mark, role.on_dark) for name, role in ROLES.items()},
        **{f"{name}-text": (role.on_light, role.on_dark) for name, role in ROLES.items()},
        "zero": (MIDDLE, MIDDLE_ON_DARK),
        "below": (BELOW, BELOW_ON_DARK),
        "mark": (MARK_ON_LIGHT, MARK),
    }
    return "".join(
        f"--{name}: light-dark({on_light}, {on_dark});"
        for name, (on_light, on_dark) in pairs.items()
    )


ATTENTION_RGB = tuple(bytes.fromhex(ROLES["attention"].mark[1:]))


def weight_levels(weights: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Weights as one byte each, round(255 · √weight): small ones stay apart."""
    levels: NDArray[np.uint8] = np.rint(255 * np.sqrt(np.clip(weights, 0, 1))).astype(np.uint8)
    return levels


def weight_scale() -> list[tuple[float, str]]:
    """Viridis over 0 to 1 on a square-root ramp, which keeps small weights visible."""
    steps = [number / 32 for number in range(33)]
    colours = sample_colorscale("Viridis", steps)
    return [(step**2, colour) for step, colour in zip(steps, colours, strict=True)]


def weight_palette() -> bytes:
    """The same ramp for a canvas: 256 RGB triples, indexed by round(255 · √weight)."""
    colours = sample_colorscale("Viridis", [n / (N_LEVELS - 1) for n in range(N_LEVELS)])
    triples = [colour.removeprefix("rgb(").removesuffix(")").split(",") for colour in colours]
    return bytes(int(float(number)) for triple in triples for number in triple)


PALETTE = np.array(
    [
        f"#{triple.tobytes().hex()}"
        for triple in np.frombuffer(weight_palette(), np.uint8).reshape(-1, 3)
    ]
)
"""The colour of each level of a weight (`weight_levels`)."""


def measure_colour(share: float) -> str:
    """Cividis from 0 to 1: a measure of heads, not to be taken for a weight."""
    return str(sample_colorscale("Cividis", [share])[0])


def blended(colour: str, share: float) -> str:
    """A colour as `#rrggbb`, mixed with white.

    Args:
        share: of the colour; 0 is white.
    """
    triple = np.array(list(bytes.fromhex(colour[1:])))
    mixed = np.rint(255 + share * (triple - 255)).astype(int)
    return "#" + "".join(f"{number:02x}" for number in mixed)


def effect_colour(share: float) -> tuple[str, str]:
    """The colour of an effect from -1 to 1 on `SIGNED_SCALE`, and a legible colour of text on it.

    A square-root ramp keeps small effects apart; beyond the ends, colours stay as they are.
    """
    ramped = float(np.sign(share) * np.sqrt(min(1.0, abs(share))))
    return _signed_colour(round(SIGNED_LEVELS * ramped))


def signed_ink(share: float) -> str:
    """A legible colour of text on a cell of a heat map in `SIGNED_SCALE`; share from -1 to 1."""
    return _signed_colour(round(SIGNED_LEVELS * share))[1]


SIGNED_LEVELS = 1_000
"""Told apart from 0 to an end of `SIGNED_SCALE`: more than there are colours."""


@functools.cache
def _signed_colour(level: int) -> tuple[str, str]:
    """Kept, as Plotly takes a third of a millisecond for each, and a page has a hundred."""
    colour = str(sample_colorscale(SIGNED_SCALE, [(level / SIGNED_LEVELS + 1) / 2])[0])
    return colour, ink_on(colour)


def ink_on(colour: str) -> str:
    """Black or white, whichever is read on this colour: at least 4.58:1."""
    return "#ffffff" if luminance(colour) < EVEN_LUMINANCE else "#000000"


EVEN_LUMINANCE = (1.05 * 0.05) ** 0.5 - 0.05
"""Here black and white text have the same contrast, 4.58:1 (WCAG 2.1)."""


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)` or `#rrggbb`, 0 to 1, as WCAG 2.1 defines it."""
    triple = np.array(
        list(bytes.fromhex(colour[1:]))
        if colour.startswith("#")
        else [float(n) for n in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    )
    shares = triple / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
