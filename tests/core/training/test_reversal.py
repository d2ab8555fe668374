"""A task whose attention is known in advance: reverse a string, look along the anti-diagonal."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.analysis.trace.capture import capture_weights
from core.config import ModelConfig, SearchConfig, TrainConfig
from core.decoding.search import search
from core.model import Transformer, build
from core.text.tokenised import TokenisedCorpus
from core.text.vocabulary import IDS
from core.training.objective import TeacherForcing
from core.training.run_folder import RunFolder
from core.training.trainer import Trainer

FIRST_LETTER, N_LETTERS = 4, 26


def strings(n: int, seed: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    lengths = random.integers(4, 9, n)
    return [
        random.integers(FIRST_LETTER, FIRST_LETTER + N_LETTERS, length).tolist()
        for length in lengths
    ]


def reversal_corpus(sources: list[list[int]]) -> TokenisedCorpus:
    def side(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        ended = [[*row, IDS.end] for row in rows]
        offsets = np.cumsum([0, *(len(row) for row in ended)]).astype(np.int64)
        return np.concatenate(ended).astype(np.int32), offsets

    source_ids, source_offsets = side(sources)
    target_ids, target_offsets = side([row[::-1] for row in sources])
    return TokenisedCorpus(
        source_ids, target_ids, source_offsets, target_offsets, IDS, n_left_out=0
    )


def anti_diagonal_share(model: Transformer, unseen: list[list[int]]) -> float:
    """For the best head: how often the step that produces a letter looks most at that letter."""
    hits = 0
    for source in unseen:
        cross = capture_weights(model, [*source, IDS.end], [IDS.start, *source[::-1]])["cross"]
        looked_at = cross[:, :, : len(source)].argmax(-1)  # N H steps
        hits = hits + (looked_at == np.arange(len(source))[::-1]).sum(-1)
    return float(np.max(hits) / sum(map(len, unseen)))


@pytest.mark.slow
def test_a_head_learns_the_anti_diagonal(tmp_path: Path) -> None:
    training = strings(20_000, seed=1)
    seen = {tuple(string) for string in training}
    unseen = [string for string in strings(200, seed=2) if tuple(string) not in seen]
    assert len(unseen) > 150
    torch.manual_seed(1)
    model = build(
        ModelConfig(
            vocabulary_size=FIRST_LETTER + N_LETTERS, n_encoder_layers=1, n_decoder_layers=1,
            d_model=64, d_ff=128, n_heads=4, d_k=16, d_v=16, p_dropout=0.0,
        )
    ).eval()  # fmt: skip
    assert anti_diagonal_share(model, unseen) < 0.2

    run = RunFolder(tmp_path)
    run.create()
    Trainer(
        objective=TeacherForcing(model, label_smoothing=0.0),
        corpus=reversal_corpus(training),
        validation={},
        config=TrainConfig(
            tokens_per_update=1_000, tokens_per_microbatch=1_000, n_steps=800, n_warmup_steps=150, n_cooldown_steps=300,
            rate_scale=0.45, label_smoothing=0.0, validate_every=10_000, snapshot_every=10_000,
            precision="float32",  # auto would follow the processor
        ),
        run=run,
    ).train()  # fmt: skip
    model.eval()
    found = search(model, unseen, SearchConfig(method="greedy"))
    exact = [f.best.tokens == tuple(s[::-1]) for f, s in zip(found, unseen, strict=True)]
    assert np.mean(exact) >= 0.95
    assert anti_diagonal_share(model, unseen) >= 0.99
