"""How good a model is: perplexity, BLEU and chrF with their signatures and intervals."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from core.data import Indices, PaddedBatch, TokenisedCorpus, collate, pad
from core.model import Transformer
from core.significance import N_BOOTSTRAP, Statistics
from core.tokenizer import END_ID, PAD_ID, START_ID

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
    logits = model(batch.source, batch.target[:, :-1])[real]
    log_p = torch.log_softmax(logits, -1).gather(-1, expected[real, None]).squeeze(-1)
    nll_nats = np.zeros(len(expected))
    rows = real.nonzero()[:, 0]
    np.subtract.at(nll_nats, rows.cpu().numpy(), log_p.cpu().double().numpy())
    return nll_nats


def corpus_likelihood(
    model: Transformer, corpus: TokenisedCorpus, *, shard: int = 0, n_shards: int = 1
) -> Likelihood:
    """Likelihood of a tokenised corpus (of every n-th batch, where several devices share)."""
    total = Likelihood(0.0, 0)
    batches = _similar_lengths(corpus.source_lengths, corpus.target_lengths)
    for batch in batches[shard::n_shards]:
        total += batch_likelihood(model, collate(corpus, batch))
    return total


def likelihood_statistics(
    model: Transformer, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> Statistics:
    """Of each pair of ids (without `<s>` and `</s>`): nll in nats and number of target pieces, n_pairs x 2.

    Raises:
        ValueError: if a side exceeds the positions of the model.
    """
    statistics = np.zeros((len(sources), 2))
    for indices, batch in padded_batches(sources, targets):
        statistics[indices, 0] = batch_nll(model, batch)
        statistics[indices, 1] = [len(targets[index]) + 1 for index in indices]
    return statistics


def padded_batches(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> Iterator[tuple[Indices, PaddedBatch]]:
    """Pairs of ids (without `<s>` and `</s>`) in batches of similar length, and which they are."""
    lengths = [np.asarray([len(ids) for ids in side], np.int64) for side in (sources, targets)]
    for indices in _similar_lengths(*lengths):
        yield (
            indices,
            PaddedBatch(
                source=pad([[*sources[i], END_ID] for i in indices], PAD_ID),
                target=pad([[START_ID, *targets[i], END_ID] for i in indices], PAD_ID),
            ),
        )


def _similar_lengths(source_lengths: Indices, target_lengths: Indices) -> list[Indices]:
    order = np.argsort(source_lengths + target_lengths, kind="stable")
    widest = np.maximum(source_lengths, target_lengths)[order]
    cuts = np.flatnonzero(np.diff(np.cumsum(widest) // TOKENS_AT_ONCE)) + 1
    return np.split(order, cuts)


@dataclass(frozen=True, slots=True)
class Score:
    """A corpus score, its 95 % bootstrap interval, and how it was made."""

    value: float
    interval_95: tuple[float, float] | None
    signature: str


def translation_scores(
    translations: Sequence[str], references: Sequence[str], *, n_bootstrap: int = N_BOOTSTRAP
) -> dict[str, Score]:
    """`bleu` (cased, 13a), `bleu_lc` (lowercased, 13a) and `chrf`, by sacrebleu.

    Args:
        n_bootstrap: resamples for the intervals; 1 leaves the intervals out.

    Raises:
        ValueError: if there are not as many translations as references, or none.
    """
    if len(translations) != len(references) or not references:
        raise ValueError(
            f"{len(translations)} translations and {len(references)} references; "
            "give as many of each, at least one"
        )
    metrics = {"bleu": BLEU(), "bleu_lc": BLEU(lowercase=True), "chrf": _Chrf()}
    scores = {}
    for name, metric in metrics.items():
        result = metric.corpus_score(translations, [references], n_bootstrap=n_bootstrap)
        mean, half_width = result._mean, result._ci  # sacrebleu has no public name for them
        interval = (round(float(mean - half_width), 2), round(float(mean + half_width), 2))
        scores[name] = Score(
            value=result.score,
            interval_95=interval if n_bootstrap > 1 else None,
            signature=str(metric.get_signature()),
        )
    return scores


class _Chrf(CHRF):
    """A resample without a match scores 0.0, others a float32; sacrebleu cannot average both kinds."""

    def _compute_score_from_stats(self, stats: Any) -> Any:
        score = super()._compute_score_from_stats(stats)
        score.score = float(score.score)
        return score
