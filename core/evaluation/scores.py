"""BLEU and chrF of a text, by sacrebleu, with their signatures and intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from core.evaluation.bootstrap import N_BOOTSTRAP


@dataclass(frozen=True, slots=True)
class Score:
    """A corpus score, its 95 % bootstrap interval, and its sacrebleu signature."""

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
