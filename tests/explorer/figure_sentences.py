"""Sentences for the figure of the model, with weights of any shape and no model behind them."""

import numpy as np

from core.analysis.trace.block_vectors import (
    LayerVectors,
    ModelVectors,
    StackVectors,
    SublayerVectors,
)
from core.config import KINDS, ModelConfig, n_layers
from explorer.components.anatomy.component import (
    DecodingStep,
    FigureView,
    NextPiece,
    Sentence,
    Token,
)
from tests.core.helpers import random_weights


def sentence_for(config: ModelConfig, n_source: int = 4, n_steps: int = 3) -> Sentence:
    """Source pieces s0, s1, ..; steps that read t0, t1, .. and write the next one."""
    shapes = {"encoder": (n_source, n_source), "decoder": (n_steps, n_steps),
              "cross": (n_steps, n_source)}  # fmt: skip
    weights = {
        kind: random_weights(
            n_layers(config, kind), config.n_heads, *shapes[kind], seed=5, causal=kind == "decoder"
        ).astype(np.float32)
        for kind in KINDS
    }
    steps = tuple(
        DecodingStep(
            Token(f"t{i}", i), Token(f"t{i + 1}", i + 1),
            (NextPiece(f"t{i + 1}", 0.75, is_taken=True), NextPiece("<b>", 0.125, is_taken=False)),
        )
        for i in range(n_steps)
    )  # fmt: skip
    return Sentence(tuple(Token(f"s{i}", i) for i in range(n_source)), steps, weights)


def view_of(step: int = 2, row: int | None = None, **changes: object) -> FigureView:
    """Layer 1 of both stacks, and head 1 of each kind, unless told otherwise."""
    values = {
        "layers": {"encoder": 1, "decoder": 1}, "heads": dict.fromkeys(KINDS, 1), **changes,
    }  # fmt: skip
    return FigureView(step=step, row=row, **values)  # type: ignore[arg-type]


def vectors_for(config: ModelConfig, n_source: int = 4, n_steps: int = 3) -> ModelVectors:
    """Random numbers of the right shapes; no two are equal."""
    random = np.random.default_rng(7)

    def stack(n: int, names: tuple[str, ...], n_layers: int) -> StackVectors:
        def numbers(width: int = config.d_model) -> np.ndarray:
            return random.normal(size=(n, width))

        layers = []
        for _ in range(n_layers):
            sublayers = tuple(
                SublayerVectors(name, numbers(), numbers(), numbers(), numbers()[0], numbers()[0])
                for name in names
            )
            layers.append(LayerVectors(sublayers, numbers(config.d_ff), sublayers[-1].normed))
        return StackVectors(numbers(), numbers(), numbers(), tuple(layers))

    names = ("self_attention", "cross_attention", "feed_forward")
    return ModelVectors(
        stack(n_source, names[::2], config.n_encoder_layers),
        stack(n_steps, names, config.n_decoder_layers),
        logits=(), produced_logits=np.zeros(n_steps), log_normalisers=np.zeros(n_steps),
    )  # fmt: skip
