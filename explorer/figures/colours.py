"""Colour scales, in one place: perceptually even and fit for colour-blind readers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

N_LEVELS = 256

ATTENTION_RGB = (123, 63, 160)
"""Attention is purple, in text and picture alike."""


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


def measure_colour(share: float) -> str:
    """Cividis from 0 to 1: a measure of heads, not to be taken for a weight."""
    return str(sample_colorscale("Cividis", [share])[0])
