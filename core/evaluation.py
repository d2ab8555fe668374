"""Perplexity of a model on parallel text."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from core.data import TokenisedCorpus, collate
from core.loss import smoothed_cross_entropy
from core.model import Transformer

TOKENS_AT_ONCE = 4_000


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How well a model expects given translations; parts of a text add up."""

    nll_nats: float
    n_tokens: int  # target pieces, </s> included

    def __add__(self, other: "Likelihood") -> "Likelihood":
        return Likelihood(self.nll_nats + other.nll_nats, self.n_tokens + other.n_tokens)

    @property
    def perplexity(self) -> float:
        """exp of the mean negative log-likelihood a piece, in nats."""
        return math.exp(min(self.nll_nats / max(self.n_tokens, 1), 700.0))


@torch.inference_mode()
def likelihood(
    model: Transformer, corpus: TokenisedCorpus, *, shard: int = 0, n_shards: int = 1
) -> Likelihood:
    """Teacher-forced likelihood of the targets (of every n-th batch, where several devices share)."""
    device = next(model.parameters()).device
    order = np.argsort(corpus.source_lengths + corpus.target_lengths, kind="stable")
    widest = np.maximum(corpus.source_lengths, corpus.target_lengths)[order]
    cuts = np.cumsum(widest) // TOKENS_AT_ONCE
    total = Likelihood(0.0, 0)
    for number, batch in enumerate(np.split(order, np.flatnonzero(np.diff(cuts)) + 1)):
        if number % n_shards != shard:
            continue
        padded = collate(corpus, batch).to(device)
        expected = padded.target[:, 1:]
        real = expected != model.config.pad_id
        logits = model(padded.source, padded.target[:, :-1])[real]
        nll = smoothed_cross_entropy(logits, expected[real], label_smoothing=0.0)
        total += Likelihood(float(nll), int(real.sum()))
    return total
