"""Small checkpoints that tests make: a vocabulary of the project's own grammar, random weights."""

from pathlib import Path
from typing import Any

import torch

from core.checkpoint import Checkpoint, save_checkpoint
from core.config import ModelConfig
from core.corpus import sentence_pairs
from core.model import build
from core.tokenizer import Tokenizer

SENTENCE = "The old man sees a red house."


def grammar_tokenizer(vocabulary_size: int = 500) -> Tokenizer:
    lines = (line for pair in sentence_pairs(800) for line in pair)
    return Tokenizer.learn(lines, vocabulary_size)


def write_checkpoint(
    folder: Path, *, metrics: dict[str, Any] | None = None, **shape: Any
) -> Checkpoint:
    """A checkpoint folder with random weights; the shape is asymmetric unless told otherwise."""
    tokenizer = grammar_tokenizer()
    defaults = {
        "n_encoder_layers": 2, "n_decoder_layers": 3, "d_model": 24, "d_ff": 28, "n_heads": 5,
        "d_k": 7, "d_v": 3,
    }  # fmt: skip
    config = ModelConfig(vocabulary_size=tokenizer.vocabulary_size, **{**defaults, **shape})
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = build(config).eval()
    checkpoint = Checkpoint(model, tokenizer, metrics=metrics or {}, folder=folder)
    save_checkpoint(checkpoint, folder)
    return checkpoint
