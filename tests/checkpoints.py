"""Small checkpoints that tests make: a vocabulary of the project's own grammar, random weights."""

import functools
import json
from pathlib import Path
from typing import Any

import torch

from core.checkpoint.folder import Checkpoint, save_checkpoint
from core.checkpoint.listing import timeline_file
from core.checkpoint.weights import save_weights
from core.config import ModelConfig
from core.model import build
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary

SENTENCE = "The old man sees a red house."


@functools.cache
def grammar_tokenizer(vocabulary_size: int = 500) -> JointVocabulary:
    lines = (line for pair in sentence_pairs(800) for line in pair)
    return JointVocabulary.learn(lines, vocabulary_size)


def write_checkpoint(
    folder: Path, *, metrics: dict[str, Any] | None = None, **shape: Any
) -> Checkpoint:
    """A checkpoint folder with random weights; the shape is asymmetric unless told otherwise."""
    tokenizer = grammar_tokenizer()
    defaults = {
        "n_encoder_layers": 2, "n_decoder_layers": 3, "d_model": 24, "d_ff": 28, "n_heads": 5,
        "d_k": 7, "d_v": 3,
    }  # fmt: skip
    config = ModelConfig(vocabulary_size=len(tokenizer.names), **{**defaults, **shape})
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = build(config).eval()
    checkpoint = Checkpoint(model, tokenizer, metrics=metrics or {}, folder=folder)
    save_checkpoint(checkpoint, folder)
    return checkpoint


def write_timeline(checkpoint: Checkpoint, *steps: int) -> None:
    """Other random weights for each of these steps."""
    assert checkpoint.folder
    for step in steps:
        with torch.random.fork_rng():
            torch.manual_seed(step)
            model = build(checkpoint.config)
        file = checkpoint.folder / timeline_file(step)
        file.parent.mkdir(exist_ok=True)
        save_weights(model.state_dict(), file, half=True)


def reports(n: int = 3, *, scale: float = 1.0) -> list[dict[str, Any]]:
    """What a training of n validations reports."""
    place = [
        {"step": 50 * i, "epoch": 0, "tokens": 4_000 * i, "elapsed_s": 36.0 * i}
        for i in range(1, n + 1)
    ]
    lines: list[dict[str, Any]] = []
    for number, at in enumerate(place, start=1):
        loss = scale * 6 / number
        lines += [
            {
                "kind": "training",
                **at,
                "loss_nats": loss,
                "gradient_norm": 1.0,
                "tokens_per_s": 111.1,
                "rate": 0.001 * number,
            },
            {
                "kind": "validation",
                **at,
                "perplexity": 2**loss,
                "perplexity_a": 2**loss,
                "bleu_a": 10.0 * number,
                "bleu_b": 0.0,
            },
        ]
    return lines


def write_history(folder: Path, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "history.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file
