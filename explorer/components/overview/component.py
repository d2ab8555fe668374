"""All layers x heads at once, one small heat map each, drawn on canvases in the browser."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.head_place import KIND_NAMES, HeadPlace
from explorer.components import pack, source
from explorer.figures.axes import signed
from explorer.figures.colours import (
    effect_colour,
    ink_on,
    measure_colour,
    weight_levels,
    weight_palette,
)
from explorer.figures.tiles import pooled

SCRIPT, STYLE = (
    source("common.js", "overview/component.js"),
    source("common.css", "overview/component.css"),
)

_mount = st.components.v2.component("attention_overview", js=SCRIPT, css=STYLE)


@dataclass(frozen=True, slots=True)
class Tint:
    """A number for each head: its tile takes the colour, and the number stands in it."""

    title: str
    values: NDArray[np.floating[Any]]  # N H
    digits: int = 2
    limit: float | None = None
    """Of signed numbers: where the scale, symmetric around zero, ends. Else it reaches from the
    lowest number to the highest."""


@dataclass(frozen=True, slots=True)
class Painted:
    """A colour for each head, with what stands in its tile and what it is called when pointed at."""

    title: str
    colours: Sequence[str]
    """As `#rrggbb`, or `transparent`; layer by layer, as the other two."""
    labels: Sequence[str]
    names: Sequence[str]


def overview(
    weights: NDArray[np.floating[Any]],
    place: HeadPlace,
    *,
    key: str,
    on_choice: Callable[[], None],
    tint: Tint | Painted | None = None,
    hover: Mapping[str, Any] | None = None,
    of: str = "",
    is_chosen: bool = True,
) -> None:
    """Draw N x h tiles; pointing enlarges one, a click, or arrow keys and Enter, chooses it.

    Args:
        weights: N H q k.
        place: the chosen head.
        hover: the words that rows and columns stand for (`HoverWords.to_json`): pointed at
            elsewhere on the page, their lines are marked in every tile.
        of: what a saved picture is of besides the caption of the page, such as a row of Table 3
            with its sentence and translation; its first word is in the file's name.
        on_choice: called before the next run; `chosen_head(key)` then says which.
        is_chosen: whether the head is framed; if not, another picture has the chosen one.
    """
    _mount(
        data=payload(weights, place, tint=tint, hover=hover, of=of, is_chosen=is_chosen),
        key=key,
        on_chosen_change=on_choice,
    )


def payload(
    weights: NDArray[np.floating[Any]],
    place: HeadPlace,
    *,
    tint: Tint | Painted | None = None,
    hover: Mapping[str, Any] | None = None,
    of: str = "",
    is_chosen: bool = True,
) -> bytes:
    """The data that the browser draws: one byte per cell, and the palettes."""
    tiles = pooled(weights)
    meta = {
        "title": f"{KIND_NAMES[place.kind]}, all heads",
        "of": of,
        "shape": list(tiles.shape),
        "chosen": [place.layer_number, place.head_number] if is_chosen else None,
        "palette_bytes": 3 * 256,
        "tint": _tint(tint) if tint else None,
        "hover": hover,
    }
    return pack(meta, weight_palette() + weight_levels(tiles).tobytes())


def _tint(tint: Tint | Painted) -> dict[str, Any]:
    if isinstance(tint, Painted):
        return {
            "title": tint.title,
            "colours": tint.colours,
            "inks": [ink_on(each) if each.startswith("#") else "inherit" for each in tint.colours],
            "labels": tint.labels,
            "names": tint.names,
        }
    colours = _tint_colours(tint)
    return {
        "title": tint.title,
        "colours": colours,
        "inks": [ink_on(colour) for colour in colours],
        "labels": [signed(float(value), tint.digits) for value in tint.values.flat],
    }


def _tint_colours(tint: Tint) -> list[str]:
    if tint.limit is not None:
        return [effect_colour(float(value) / tint.limit)[0] for value in tint.values.flat]
    low, high = float(tint.values.min()), float(tint.values.max())
    shares = (tint.values - low) / max(high - low, 1e-12)
    return [measure_colour(float(share)) for share in shares.flat]


def chosen_head(key: str) -> tuple[int, int] | None:
    """The layer and head (from 1) that the reader chose last."""
    chosen = getattr(st.session_state.get(key), "chosen", None)
    return (int(chosen[0]), int(chosen[1])) if chosen else None


TILES_NOTE = (
    "Each row is a word that looks, each column a word looked at; brighter means more weight "
    "(square-root scale)."
)
