"""BLEU and chrF of a text, by sacrebleu, with their signatures; `bootstrap` has their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from core.evaluation.bootstrap import N_BOOTSTRAP, SEED


@dataclass(frozen=True, slots=True)
class Score:
    """A corpus score, and how it and its interval are made."""

    value: float
    signature: str


def translation_scores(translations: Sequence[str], references: Sequence[str]) -> dict[str, Score]:
    """`bleu` (cased, 13a), `bleu_lc` (lowercased, 13a) and `chrf`, by sacrebleu.

    Raises:
        ValueError: if there are not as many translations as references, or none.
    """
    if len(translations) != len(references) or not references:
        raise ValueError(
            f"{len(translations)} translations and {len(references)} references; "
            "give as many of each, at least one"
        )
    metrics = {"bleu": BLEU(), "bleu_lc": BLEU(lowercase=True), "chrf": CHRF()}
    scores = {}
    for name, metric in metrics.items():
        value = metric.corpus_score(translations, [references]).score
        signature = metric.get_signature()
        signature.update("bs", N_BOOTSTRAP)
        signature.update("seed", SEED)
        scores[name] = Score(value, str(signature))
    return scores
