"""Small models and small corpora, made the same way in every test file."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.checkpoint.folder import Checkpoint
from core.config import ModelConfig, SpecialIds
from core.model import Transformer, build
from core.text.tokenised import TokenisedCorpus
from core.text.vocabulary import IDS

Module = TypeVar("Module", bound=nn.Module)

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
PAD, START, END = 0, 2, 3
N_SPECIAL = 4


def soon_s(limit_s: float) -> float:
    """The time that something may take: this alone, five times as long beside other tests."""
    return limit_s * (5 if "PYTEST_XDIST_WORKER" in os.environ else 1)


def small_config(**changes: Any) -> ModelConfig:
    """A shape without two equal numbers; sinusoids want d_model even, so it is twice a prime."""
    shape = {
        "vocabulary_size": 43,
        "n_encoder_layers": 2,
        "n_decoder_layers": 3,
        "d_model": 26,
        "d_ff": 17,
        "n_heads": 5,
        "d_k": 7,
        "d_v": 11,
        "max_positions": 61,
        "p_dropout": 0.0,
    }
    return ModelConfig(**{**shape, **changes})


def small_model(config: ModelConfig, seed: int = 1) -> Transformer:
    """A float64 model in evaluation mode in which no parameter is at a special value."""
    return randomised(build(config), seed)


def randomised(module: Module, seed: int = 1) -> Module:
    """No parameter left at a value that would hide a mistake: biases 0, gains 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.double().named_parameters():
            centre = 1.0 if name.endswith("norm.weight") else 0.0
            deviation = 0.5 if parameter.dim() == 1 else 0.3
            parameter.normal_(centre, deviation, generator=generator)
    return module.eval()


def bare(model: Transformer) -> Checkpoint:
    """A checkpoint for what reads ids alone."""
    return Checkpoint(model, cast("Any", None))


def run_python(code: str, *arguments: str) -> str:
    """What a fresh process prints that runs this code in the repository's root."""
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def random_ids(*shape: int, n_pieces: int = 43, seed: int = 1) -> Tensor:
    """Ordinary pieces: no padding, no end."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(N_SPECIAL, n_pieces, shape, generator=generator)


def sentences(*lengths: int, n_pieces: int = 43, seed: int = 1) -> list[list[int]]:
    """One list of ordinary pieces a length, as the search takes them."""
    return [
        random_ids(length, n_pieces=n_pieces, seed=seed + number).tolist()
        for number, length in enumerate(lengths)
    ]


def random_weights(*shape: int, seed: int = 1, causal: bool = False) -> NDArray[np.float64]:
    """Attention weights whose rows are far from even; the last axis sums to 1."""
    weights = np.random.default_rng(seed).dirichlet(np.full(shape[-1], 0.3), shape[:-1])
    if causal:
        weights = np.tril(weights + 1e-3)
        weights /= weights.sum(-1, keepdims=True)
    return weights


def corpus_of(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], ids: SpecialIds = IDS
) -> TokenisedCorpus:
    """A tokenised corpus held in memory; the end token is put after each side here."""

    def side(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        ended = [[*row, ids.end] for row in rows]
        flat = np.concatenate([np.asarray(row, np.int32) for row in ended])
        return flat, np.cumsum([0, *(len(row) for row in ended)], dtype=np.int64)

    (source_ids, source_offsets), (target_ids, target_offsets) = side(sources), side(targets)
    return TokenisedCorpus(
        source_ids, target_ids, source_offsets, target_offsets, ids, n_left_out=0
    )


def random_corpus(
    n_pairs: int, *, longest: int = 9, n_pieces: int = 43, seed: int = 1
) -> TokenisedCorpus:
    """Random pairs whose target is the source, one piece up: there is something to learn."""
    random = np.random.default_rng(seed)
    sources = [
        random.integers(N_SPECIAL, n_pieces, random.integers(1, longest + 1)).tolist()
        for _ in range(n_pairs)
    ]
    targets = [
        [(id_ + 1 - N_SPECIAL) % (n_pieces - N_SPECIAL) + N_SPECIAL for id_ in row]
        for row in sources
    ]
    return corpus_of(sources, targets)
