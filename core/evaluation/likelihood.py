"""The likelihood of reference translations under a model, and perplexity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_batches
from core.evaluation.bootstrap import Statistics
from core.model import Transformer
from core.system.executor import WorkExecutor
from core.text.batches import PaddedBatch, TextBatch, collate, similar_lengths
from core.text.tokenised import TokenisedCorpus


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Summed negative log-likelihood in nats, and number of tokens; parts of a text add up."""

    nll_nats: float
    n_tokens: int  # target pieces, </s> included

    def __add__(self, other: "Likelihood") -> "Likelihood":
        return Likelihood(self.nll_nats + other.nll_nats, self.n_tokens + other.n_tokens)

    @property
    def perplexity(self) -> float:
        """exp of the mean negative log-likelihood per token, in nats."""
        return math.exp(min(self.nll_nats / max(self.n_tokens, 1), 700.0))


def batch_likelihood(model: Transformer, batch: PaddedBatch) -> Likelihood:
    """Teacher-forced likelihood of the targets of one padded batch."""
    n_tokens = int((batch.target[:, 1:] != model.config.pad_id).sum())
    return Likelihood(float(batch_nll(model, batch).sum()), n_tokens)


@torch.inference_mode()
def batch_nll(model: Transformer, batch: PaddedBatch) -> NDArray[np.float64]:
    """The negative log-likelihood of each target of one padded batch, in nats: B."""
    batch = batch.to(next(model.parameters()).device)
    expected = batch.target[:, 1:]
    real = expected != model.config.pad_id
    state = model.start(model.encode(batch.source))
    stream = model.decode(batch.target[:, :-1], state).stream
    logits = model.logits(stream[real])  # only real positions are projected: N V
    log_p = torch.log_softmax(logits, -1).gather(-1, expected[real, None]).squeeze(-1)
    nll_nats = np.zeros(len(expected))
    rows = real.nonzero()[:, 0]
    np.subtract.at(nll_nats, rows.cpu().numpy(), log_p.cpu().double().numpy())
    return nll_nats


def corpus_likelihood(
    model: Transformer, corpus: TokenisedCorpus, *, shard: int = 0, n_shards: int = 1
) -> Likelihood:
    """The likelihood of a tokenised corpus; with several workers, of every n-th batch."""
    total = Likelihood(0.0, 0)
    batches = similar_lengths(corpus.source_lengths, corpus.target_lengths)
    for batch in batches[shard::n_shards]:
        total += batch_likelihood(model, collate(corpus, batch))
    return total


def likelihood_statistics(
    checkpoint: Checkpoint,
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    executor: WorkExecutor | None = None,
) -> Statistics:
    """The negative log-likelihood in nats and the number of target tokens of each pair: n_pairs x
    2.

    Args:
        sources, targets: token ids without special tokens; the end of each target counts.
        executor: where it is measured; by default, in this process. The result is the same.

    Raises:
        ValueError: if a side has more tokens than the model has positions.
    """
    statistics = np.zeros((len(sources), 2))
    for indices, nll_nats in over_batches(_nll_of_batch, checkpoint, sources, targets, executor):
        statistics[indices, 0] = nll_nats
        statistics[indices, 1] = [len(targets[index]) + 1 for index in indices]
    return statistics


def _nll_of_batch(checkpoint: Checkpoint, batch: TextBatch) -> NDArray[np.float64]:
    return batch_nll(checkpoint.model, batch.padded(checkpoint.config.ids))
