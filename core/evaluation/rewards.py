"""Rewards of an attempt, 0 to 1, against its reference; an unfinished attempt gets 0."""

from collections.abc import Callable, Mapping, Sequence

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

Reward = Callable[[Sequence[str], Sequence[str]], list[float]]
"""Attempts and their references -> a number from 0 to 1 for each."""


def exact_match(attempts: Sequence[str], references: Sequence[str]) -> list[float]:
    """1 where the attempt is the reference, as in the paper's tasks."""
    return [float(a == r) for a, r in zip(attempts, references, strict=True)]


def sentence_chrf(attempts: Sequence[str], references: Sequence[str]) -> list[float]:
    """Sentence chrF over 100 (sacrebleu); 0 of an empty attempt."""
    metric = CHRF()
    return [_score(metric, a, r) for a, r in zip(attempts, references, strict=True)]


def sentence_bleu(attempts: Sequence[str], references: Sequence[str]) -> list[float]:
    """Sentence BLEU with effective order over 100 (sacrebleu); 0 of an empty attempt."""
    metric = BLEU(effective_order=True)
    return [_score(metric, a, r) for a, r in zip(attempts, references, strict=True)]


def _score(metric: BLEU | CHRF, attempt: str, reference: str) -> float:
    return float(metric.sentence_score(attempt, [reference]).score) / 100 if attempt else 0.0


REWARDS: Mapping[str, Reward] = {
    "exact": exact_match,
    "chrf": sentence_chrf,
    "bleu": sentence_bleu,
}
