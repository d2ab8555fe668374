"""A translation step by step: chips, ribbons, candidates, a player, and one head's weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.head_place import HeadPlace
from core.config import KINDS, Kind
from explorer.components import pack, pack_weights, source
from explorer.figures.colours import ATTENTION_RGB

MOST_BYTES = 1_000_000
"""All heads are sent while they fit into so much; of a longer sentence, the chosen head alone."""

Weights = NDArray[np.floating[Any]]

SCRIPT, STYLE = (
    source(
        "common.js",
        "stepper/player.js",
        "stepper/sentence.js",
        "stepper/blocks.js",
        "stepper/component.js",
    ),
    source("common.css", "stepper/component.css"),
)

_mount = st.components.v2.component("translation_stepper", js=SCRIPT, css=STYLE)


@dataclass(frozen=True, slots=True)
class SourceToken:
    text: str
    opens: bool  # begins a word
    special: bool
    is_new: bool  # training never showed it


@dataclass(frozen=True, slots=True)
class CandidateToken:
    id: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class StepToken:
    """What one decoding step produced."""

    id: int
    text: str
    opens: bool
    special: bool
    probability: float
    gloss: str  # the source word this word aligns with; empty inside a word
    candidates: tuple[CandidateToken, ...]
    links: tuple[tuple[int, float], ...]  # source piece, weight
    forced: bool  # the reader chose it
    changed: bool  # differs from the earlier run


def payload(
    sources: Sequence[SourceToken],
    steps: Sequence[StepToken],
    weights: Mapping[Kind, Weights],
    *,
    start: str,
    run: str,
    place: HeadPlace,
    step: int,
    late: HeadPlace | None = None,
    can_change: bool = True,
) -> bytes:
    """The data with which the browser steps, hovers and changes heads without the server.

    Args:
        weights: kind -> N H q k.
        start: what step 1 consumes.
        run: names the run; another one starts the player anew.
        place: the head whose weights are shown; in other kinds of attention, the one with its
            numbers.
        step: from 1.
        late: a cross-attention head that attends to a word's source at the step that consumes the
            word; the stepper says so where it shows this head.
        can_change: whether the reader can continue from a candidate or a typed word.
    """
    n_layers, n_heads = (max(weights[kind].shape[axis] for kind in KINDS) for axis in (0, 1))
    sent, places = _sent(weights, place)
    meta = {
        "source": [asdict(token) for token in sources],
        "steps": [asdict(token) for token in steps],
        "start": start,
        "run": run,
        "can_change": can_change,
        "late": [late.layer_number, late.head_number] if late else None,
        "view": {"layer": place.layer_number, "head": place.head_number, "step": step},
        "n_layers": n_layers,
        "n_heads": n_heads,
        "weights": places,
        "colour": ATTENTION_RGB,
    }
    return pack(meta, sent)


def _sent(weights: Mapping[Kind, Weights], place: HeadPlace) -> tuple[bytes, dict[str, Any]]:
    """The levels of all heads, or of the chosen one, and where in them each kind begins."""
    is_small = 2 * sum(weights[kind].size for kind in KINDS) <= MOST_BYTES
    sent, places = b"", dict[str, Any]()
    for kind in KINDS:
        n_layers, n_heads, rows, columns = weights[kind].shape
        layers = range(n_layers) if is_small else [place.layer] * (place.layer < n_layers)
        heads = range(n_heads) if is_small else [place.head] * (place.head < n_heads)
        places[kind] = {
            "n_layers": n_layers, "n_heads": n_heads, "rows": rows, "columns": columns,
            "layers": [layer + 1 for layer in layers], "heads": [head + 1 for head in heads],
            "first": len(sent),
        }  # fmt: skip
        sent += pack_weights(weights[kind][list(layers)][:, list(heads)])
    return sent, places


def stepper(
    data: bytes,
    *,
    key: str,
    on_view: Callable[[], None],
    on_taken: Callable[[], None],
    on_typed: Callable[[], None],
) -> None:
    """Draw a `payload`; the callbacks run before the next script run, see `value`."""
    _mount(
        data=data,
        key=key,
        on_view_change=on_view,
        on_taken_change=on_taken,
        on_typed_change=on_typed,
    )


def value(key: str, name: str) -> Mapping[str, Any] | None:
    """What the reader did: `view` (step, layer, head), `taken` (step, id), `typed` (step, text)."""
    return getattr(st.session_state.get(key), name, None)
