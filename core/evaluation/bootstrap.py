"""Corpus scores as sums over sentences, and their bootstrap intervals.

Each sentence has one row of statistics, and the sum of the rows gives the corpus score. So a
bootstrap resample is a weighted sum of rows, and two systems are compared on the same resamples
(Koehn 2004). Seed, resamples and p-value are those of `sacrebleu.significance.PairedTest`, so
results agree with it.

Nothing here imports torch.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from core.system.arrays import read_arrays

N_BOOTSTRAP = 1_000
SEED = 12_345  # sacrebleu's

Statistics = NDArray[np.float64]
"""One row a sentence; the sum of the rows makes the score."""
Interval = tuple[float, float]


def bleu_statistics(
    translations: Sequence[str], references: Sequence[str], *, lowercase: bool
) -> Statistics:
    """For each sentence: its length, its reference's, matched n-grams (1 to 4), all n-grams
    (13a)."""
    metric = BLEU(
        lowercase=lowercase, effective_order=True
    )  # effective_order only spares a warning
    rows = []
    for translation, reference in zip(translations, references, strict=True):
        score = metric.sentence_score(translation, [reference])
        rows.append([score.sys_len, score.ref_len, *score.counts, *score.totals])
    return np.asarray(rows, np.float64)


def bleu(sums: Statistics) -> float:
    """Corpus BLEU from summed `bleu_statistics`, smoothed as sacrebleu does."""
    system, reference, *counts = (int(value) for value in sums)
    return float(
        BLEU.compute_bleu(counts[:4], counts[4:], system, reference, smooth_method="exp").score
    )


def chrf_statistics(translations: Sequence[str], references: Sequence[str]) -> Statistics:
    """For each sentence and character n-grams up to 6: its count, its reference's, and the
    matches."""
    rows = CHRF()._extract_corpus_statistics(list(translations), [list(references)])
    return np.asarray(rows, np.float64)


def chrf(sums: Statistics) -> float:
    """Corpus chrF from summed `chrf_statistics`."""
    return float(CHRF()._compute_f_score([int(value) for value in sums]))


def perplexity(sums: Statistics) -> float:
    """exp of the mean negative log-likelihood; a row is (nll in nats, number of target tokens)."""
    nll_nats, n_tokens = (float(value) for value in sums)
    return math.exp(min(nll_nats / max(n_tokens, 1.0), 700.0))


SCORE_OF: Mapping[str, Callable[[Statistics], float]] = {
    "perplexity": perplexity,
    "bleu": bleu,
    "bleu_lc": bleu,
    "chrf": chrf,
}
"""Name of a score -> how summed statistics become it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One system minus another on the same sentences."""

    value: float
    interval_95: Interval
    p_value: float


def corpus_score(name: str, statistics: Statistics) -> float:
    return SCORE_OF[name](statistics.sum(0))


def interval_95(name: str, statistics: Statistics) -> Interval:
    """The interval that holds the score of 95 % of the resamples (percentiles)."""
    return _middle_95(_resampled(name, statistics))


def paired_difference(name: str, statistics: Statistics, base: Statistics) -> Difference:
    """The score of a system minus that of the base, on the same resamples of sentences.

    The p-value is that of `PairedTest`: the share of resamples whose |difference|, shifted to mean
    0, exceeds the one observed. `PairedTest` shifts after it takes the absolute value, so this p is
    close to a one-sided one: between equal systems, about one comparison in ten has p < 0.05. This
    project therefore judges by the interval, which is that of the signed difference.

    Raises:
        ValueError: if the two were not measured on equally many sentences.
    """
    if len(statistics) != len(base):
        raise ValueError(
            f"{len(statistics)} sentences against {len(base)}; a paired comparison needs the same "
            "text, so measure both systems on one"
        )
    differences = _resampled(name, statistics) - _resampled(name, base)
    observed = corpus_score(name, statistics) - corpus_score(name, base)
    shifted = np.abs(differences) - np.abs(differences).mean()
    n_beyond = int((shifted > abs(observed)).sum())
    p_value = (n_beyond + 1) / (len(differences) + 1)
    return Difference(observed, _middle_95(differences), p_value)


def _resampled(name: str, statistics: Statistics) -> NDArray[np.float64]:
    """The score of every resample: N_BOOTSTRAP."""
    sums = times_drawn(len(statistics)) @ statistics
    return np.asarray([SCORE_OF[name](row) for row in sums])


@lru_cache(maxsize=4)
def times_drawn(n: int) -> NDArray[np.float64]:
    """How often each resample draws each of n sentences: N_BOOTSTRAP x n."""
    drawn = np.random.default_rng(SEED).choice(n, size=(N_BOOTSTRAP, n), replace=True)
    return np.stack([np.bincount(row, minlength=n) for row in drawn]).astype(np.float64)


def _middle_95(values: NDArray[np.float64]) -> Interval:
    ordered = np.sort(values)
    cut = len(ordered) // 40
    return float(ordered[cut]), float(ordered[-1 - cut])


def save_statistics(file: Path, statistics: Mapping[str, Mapping[str, Statistics]]) -> None:
    """Write statistics by text and score, compactly: counts as int16, likelihoods as float32."""
    arrays = {
        f"{text}.{name}": rows.astype(np.float32 if name == "perplexity" else np.int16)
        for text, scores in statistics.items()
        for name, rows in scores.items()
    }
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_statistics(file: Path) -> dict[str, dict[str, Statistics]]:
    """Read what `save_statistics` wrote.

    Raises:
        ValueError: if the file cannot be read.
    """
    found: dict[str, dict[str, Statistics]] = {}
    try:
        arrays = read_arrays(file)
    except ValueError as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    for key, array in arrays.items():
        text, _, name = key.rpartition(".")
        found.setdefault(text, {})[name] = array.astype(np.float64)
    return found
