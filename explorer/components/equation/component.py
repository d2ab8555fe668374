"""Equation 1 for one head: a row at a time, stage by stage, every number within reach.

The browser gets every row of the head at once, so that another row is drawn without the server. Of
a long text it gets the chosen row alone, and asks for the next one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from core.analysis.heads.walk import Walk
from explorer.components import pack, source
from explorer.figures.axes import Array, largest
from explorer.figures.colours import role_variables

N_STAGES = 6
"""q and K, products, scale, mask, softmax, weighted values."""
MOST_BYTES = 500_000
"""All rows are sent while their numbers fit into so much; of a longer text, the chosen row alone."""

SCRIPT = source(
    "common.js",
    "equation/numbers.js",
    "equation/parts.js",
    "equation/drawing.js",
    "equation/what_if.js",
    "equation/pointing.js",
    "equation/component.js",
)
STYLE = f".equation {{{role_variables()}}}\n{source('common.css', 'equation/component.css')}"

_mount = st.components.v2.component("equation_in_motion", js=SCRIPT, css=STYLE)

Sentence = tuple[str | tuple[str, str], ...]
"""A text in parts; a part with a role of `figures.colours` has its colour: (role, text)."""


def coloured(role: str, text: str) -> tuple[str, str]:
    """A part of a sentence in the colour of its role."""
    return role, text


@dataclass(frozen=True, slots=True)
class EquationRow:
    """One query: its numbers and what is said about them."""

    number: int  # from 1
    walked: Walk
    story: Sentence
    stages: tuple[Sentence, ...]  # one for each stage
    without_scale: str
    caveat: str  # where the model does not use these numbers; else empty


@dataclass(frozen=True, slots=True)
class Token:
    """A query or a key as it is named; and its word of the sentence, -1 for none."""

    label: str
    word: int
    produces: str | None = None  # of a query that is a step


def fits(n_rows: int, n_keys: int, d_k: int, d_v: int) -> bool:
    """Whether the numbers of all rows are sent at once."""
    return 4 * (n_rows * d_k + n_keys * (d_k + d_v + 2 * n_rows)) + n_rows * n_keys <= MOST_BYTES


def payload(
    sent: Sequence[EquationRow],
    *,
    title: str,
    head: str,
    queries: Sequence[Token],
    keys: Sequence[Token],
    sides: tuple[str, str],
    row: int,
    stage: int = N_STAGES,
    limits: tuple[float, float],
    can_ask: bool = True,
) -> bytes:
    """What the browser draws.

    Args:
        sent: all rows of the head, or the chosen one.
        title: the head in words.
        head: names model, run and head; under another one, what the reader tried is forgotten.
        queries, keys: all of them.
        sides: of which sentence, source or target, the words of queries and of keys are.
        row: the chosen one, from 1.
        stage: up to which everything is shown, from 1.
        limits: where the colours of queries and those of keys end, in all rows.
        can_ask: whether rows that are not sent can be asked for.
    """
    walked = [each.walked for each in sent]
    first = walked[0]
    meta = {
        "title": title,
        "head": head,
        "queries": [[token.label, token.produces, token.word] for token in queries],
        "keys": [[token.label, token.word] for token in keys],
        "sides": list(sides),
        "d_k": len(first.query),
        "d_v": first.values.shape[1],
        "limits": dict(zip(("query", "key"), limits, strict=True)),
        "sent": [each.number for each in sent],
        "texts": [
            {
                "story": each.story,
                "stages": each.stages,
                "without_scale": each.without_scale,
                "caveat": each.caveat,
                "limit": largest(each.walked.weighted, each.walked.output),
            }
            for each in sent
        ],
        "view": {"row": row, "stage": stage},
        "can_ask": can_ask,
    }
    floats = (
        *(each.query for each in walked),
        first.keys,
        first.values,
        *(each.products for each in walked),
        *(each.weights for each in walked),
    )
    visible = b"".join(each.visible.astype(np.uint8).tobytes() for each in walked)
    return pack(meta, b"".join(map(_float32, floats)) + visible)


def _float32(numbers: Array) -> bytes:
    return numbers.astype("<f4").tobytes()


def equation(data: bytes, *, key: str, on_view: Callable[[], None]) -> None:
    """Draw a `payload`; `on_view` runs before the next script run, see `view`."""
    _mount(data=data, key=key, on_view_change=on_view)


def view(key: str) -> Mapping[str, Any] | None:
    """What the reader has just chosen: `row` and `stage`, both from 1."""
    return getattr(st.session_state.get(key), "view", None)
