"""Sentences for the figure of the model, with weights of any shape and no model behind them."""

import numpy as np

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
