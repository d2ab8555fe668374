"""The loaded model as the paper's Figure 1 with the sentence on screen in it.

The browser gets the numbers of every step and source piece at once, so that stepping, pointing and
changing heads need no server. Of a long sentence it gets the layers and heads on show alone.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from core.config import KINDS, Kind, ModelConfig
from explorer.components import pack, pack_weights, source
from explorer.components.anatomy.blocks import COLOURS, Block, Side, anatomy
from explorer.figures.colours import MARK, ROLES, SIGNED_SCALE

if TYPE_CHECKING:
    from core.analysis.trace.block_vectors import ModelVectors, StackVectors

Numbers = NDArray[np.floating[Any]]

SCRIPT, STYLE = (
    source(
        "common.js",
        "anatomy/numbers.js",
        "anatomy/layout.js",
        "anatomy/drawing.js",
        "anatomy/panel.js",
        "anatomy/whole.js",
        "anatomy/component.js",
    ),
    source("common.css", "anatomy/component.css"),
)

MOST_BYTES = 400_000
"""All layers and heads are sent while their numbers fit into so much."""
MOST_SHOWN = 32
"""So many numbers of a vector are drawn, the first ones."""
N_UNITS = 5
"""So many units of a feed-forward network are named, the strongest ones."""
N_COLOURS = 65

_mount = st.components.v2.component("model_anatomy", js=SCRIPT, css=STYLE)


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    word: int  # the word that it is a part of; -1 for special tokens


@dataclass(frozen=True, slots=True)
class NextPiece:
    """A piece that a step may write."""

    text: str
    probability: float
    is_taken: bool


@dataclass(frozen=True, slots=True)
class DecodingStep:
    """One step: what it reads last, what it writes, and what else it might have written."""

    consumed: Token
    produced: Token
    next_pieces: tuple[NextPiece, ...]  # the most probable ones, and the one taken


@dataclass(frozen=True, slots=True)
class Sentence:
    """A traced sentence as the figure shows it."""

    source: tuple[Token, ...]
    steps: tuple[DecodingStep, ...]
    weights: Mapping[Kind, Numbers]  # N H q k
    vectors: "ModelVectors | None" = None  # None until the model is loaded
    logits: tuple[tuple[float, ...], ...] = ()  # of each step's next pieces


@dataclass(frozen=True, slots=True)
class FigureView:
    """What of the figure is on show; all numbers from 1."""

    layers: Mapping[Side, int]
    heads: Mapping[Kind, int]
    step: int
    row: int | None = None  # the source piece whose vectors are shown; None follows the step
    kind: Kind = "cross"  # of the head that other pages open
    block: str = ""  # the name of the block that is open


def layer_of(view: FigureView, kind: Kind) -> int:
    return view.layers["encoder" if kind == "encoder" else "decoder"]


def anatomy_payload(
    config: ModelConfig,
    sentence: Sentence,
    view: FigureView,
    *,
    run: str,
    pages: Mapping[str, str] | None = None,
) -> bytes:
    """The data that the browser's script draws.

    Args:
        run: names the sentence and the model; another one starts the figure anew.
        pages: those that blocks can lead to: title -> path in the address bar.
    """
    pages = pages or {}
    blocks = anatomy(config)
    sent, weights, strips = _packed(sentence, view)
    meta = {
        "run": run,
        "blocks": [
            {
                **dataclasses.asdict(block),
                "colour": COLOURS[block.kind],
                "page": block.page if block.page in pages else None,
                "path": pages.get(block.page or ""),
                "attention": block.attention,
            }
            for block in blocks
        ],
        "n_layers": {"encoder": config.n_encoder_layers, "decoder": config.n_decoder_layers},
        "n_heads": config.n_heads,
        "d_model": config.d_model,
        "d_ff": config.d_ff,
        "n_parameters": sum(block.n_parameters_in_all for block in blocks),
        "colours": {name: ROLES[name].mark for name in ("query", "key", "value", "attention")},
        "mark": MARK,
        "palette": _palette(),
        "source": [dataclasses.asdict(token) for token in sentence.source],
        "steps": [_step(sentence, index) for index in range(len(sentence.steps))],
        "view": dataclasses.asdict(view),
        "weights": weights,
        "strips": strips,
    }
    return pack(meta, sent)


def anatomy_figure(data: bytes, *, key: str, on_view: Callable[[], None]) -> None:
    """Draw an `anatomy_payload`; see also `opened`.

    Args:
        on_view: called before the next script run when the reader shows something else; see `viewed`.
    """
    _mount(data=data, key=key, on_view_change=on_view, on_opened_change=lambda: None)


def viewed(key: str) -> FigureView | None:
    """What the reader has on show."""
    return _figure_view(getattr(st.session_state.get(key), "view", None))


def opened(config: ModelConfig, key: str) -> tuple[Block, FigureView] | None:
    """The block whose page the reader has just asked for, and what was on show; None in later runs."""
    asked = getattr(st.session_state.get(key), "opened", None) or {}
    block = next((block for block in anatomy(config) if block.name == asked.get("name")), None)
    view = _figure_view(asked.get("view"))
    return (block, view) if block and view else None


def _figure_view(found: Mapping[str, Any] | None) -> FigureView | None:
    if not found:
        return None
    names = {field.name for field in dataclasses.fields(FigureView)}
    return FigureView(**{name: value for name, value in found.items() if name in names})


def _palette() -> list[str]:
    """Colours of numbers from the scale's lower to its upper end."""
    found = sample_colorscale(SIGNED_SCALE, [n / (N_COLOURS - 1) for n in range(N_COLOURS)])
    return [colour.replace(" ", "") for colour in found]


def _step(sentence: Sentence, index: int) -> dict[str, Any]:
    step = dataclasses.asdict(sentence.steps[index])
    if sentence.logits:
        for piece, logit in zip(step["next_pieces"], sentence.logits[index], strict=True):
            piece["logit"] = _rounded(logit)
    return step


def _packed(
    sentence: Sentence, view: FigureView
) -> tuple[bytes, dict[str, Any], dict[str, Any] | None]:
    """Raw bytes, and where in them the weights of each kind and the strip of each block begin."""
    is_small = _n_bytes(sentence) <= MOST_BYTES
    sent, weights = bytearray(), dict[str, Any]()
    for kind in KINDS:
        n_layers, n_heads, rows, columns = sentence.weights[kind].shape
        layers = range(n_layers) if is_small else [layer_of(view, kind) - 1]
        heads = range(n_heads) if is_small else [view.heads[kind] - 1]
        weights[kind] = {
            "layers": _from_1(layers), "heads": _from_1(heads), "rows": rows, "columns": columns,
            "first": len(sent),
        }  # fmt: skip
        sent += pack_weights(sentence.weights[kind][list(layers)][:, list(heads)])
    if sentence.vectors is None:
        return bytes(sent), weights, None
    strips: dict[str, Any] = {"places": {}, "hidden": {}, "norms": {}, "skipped": {}}
    parts = []
    for side in _SIDES:
        stack: StackVectors = getattr(sentence.vectors, side)
        layers = range(len(stack.layers)) if is_small else [view.layers[side] - 1]
        strips["skipped"][side] = _skipped(stack)
        strips["hidden"][side] = _hidden(stack, layers)
        strips["norms"] |= _norms(side, stack, layers)
        for name, (numbers, of_layers) in _strips(side, stack, layers).items():
            shown = numbers[..., :MOST_SHOWN]
            strips["places"][name] = {
                "first": len(sent),
                "layers": of_layers,
                "rows": shown.shape[1],
            }
            sent += np.clip(shown, -60_000, 60_000).astype("<f2").tobytes()
            parts.append(np.abs(shown).ravel())
    strips["n_shown"] = shown.shape[-1]
    strips["most"] = float(f"{np.percentile(np.concatenate(parts), 98):.1g}") or 1.0
    return bytes(sent), weights, strips


_SIDES: tuple[Side, ...] = ("encoder", "decoder")


def _n_bytes(sentence: Sentence) -> int:
    """Of the weights of all heads and the strips of all layers."""
    n_weights = sum(int(weights.size) for weights in sentence.weights.values())
    if sentence.vectors is None:
        return 2 * n_weights
    n_strips = 0
    for side in _SIDES:
        stack: StackVectors = getattr(sentence.vectors, side)
        n_sublayers = sum(len(layer.sublayers) for layer in stack.layers)
        n_strips += (4 + 3 * n_sublayers) * len(stack.embedded)
    width = min(MOST_SHOWN, int(sentence.vectors.encoder.embedded.shape[1]))
    return 2 * (n_weights + width * n_strips)


Strip = tuple[Numbers, list[int]]
"""L n d_model, and which layers these are, from 1; none where it is of no layer."""


def _strips(side: Side, stack: "StackVectors", layers: Sequence[int]) -> dict[str, Strip]:
    """The vectors of each block of a stack; in a layer, those of these layers.

    `NAME` is what leaves block NAME, and `NAME.sum` what its norm is taken of.
    """
    found: dict[str, Strip] = {
        f"{side}.embedding.tokens": (stack.tokens[None], []),
        f"{side}.embedding.positions": (stack.positions[None], []),
        f"{side}.embedding": (stack.embedded[None], []),
        f"{side}.output": (stack.output[None], []),
    }
    numbers = _from_1(layers)
    for index, sublayer in enumerate(stack.layers[0].sublayers):
        own = [stack.layers[layer].sublayers[index] for layer in layers]
        name = f"{side}.layers.{sublayer.name}"
        found[name] = (np.stack([each.output for each in own]), numbers)
        found[f"{name}_norm.sum"] = (np.stack([each.residual_sum for each in own]), numbers)
        found[f"{name}_norm"] = (np.stack([each.normed for each in own]), numbers)
    return found


def _skipped(stack: "StackVectors") -> list[int]:
    """The layers, from 1, that pass on their input: an ablation switched them off."""
    return [
        number
        for number, layer in enumerate(stack.layers, start=1)
        if not np.array_equal(layer.output, layer.sublayers[-1].normed)
    ]


def _hidden(stack: "StackVectors", layers: Sequence[int]) -> dict[str, Any]:
    """The strongest units of each layer's feed-forward network at each position, from 1."""
    best, n_active = [], []
    for layer in layers:
        hidden = stack.layers[layer].hidden
        order = np.argsort(-np.abs(hidden), axis=1, kind="stable")[:, :N_UNITS]
        values = np.take_along_axis(hidden, order, axis=1)
        best.append(
            [
                [[int(unit) + 1, _rounded(value)] for unit, value in zip(*row, strict=True)]
                for row in zip(order, values, strict=True)
            ]
        )
        n_active.append((hidden > 0).sum(1).tolist())
    return {"layers": _from_1(layers), "best": best, "n_active": n_active}


def _norms(side: Side, stack: "StackVectors", layers: Sequence[int]) -> dict[str, Any]:
    """Mean and standard deviation of each sum, and the first gain and bias of its norm."""
    found = {}
    for index, sublayer in enumerate(stack.layers[0].sublayers):
        own = [stack.layers[layer].sublayers[index] for layer in layers]
        found[f"{side}.layers.{sublayer.name}_norm"] = {
            "layers": _from_1(layers),
            "mean": [[_rounded(n) for n in each.residual_sum.mean(1)] for each in own],
            "deviation": [[_rounded(n) for n in each.residual_sum.std(1)] for each in own],
            "gain": [_rounded(each.gain[0]) for each in own],
            "bias": [_rounded(each.bias[0]) for each in own],
        }
    return found


def _from_1(indices: Collection[int]) -> list[int]:
    return [index + 1 for index in indices]


def _rounded(value: Any) -> float:
    return float(f"{float(value):.4g}")
