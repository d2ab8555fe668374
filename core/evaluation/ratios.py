"""Ratios of sums over sentences, such as the share of words of which something holds, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.bootstrap import Interval, times_drawn

Array = NDArray[np.floating[Any]]
Exact = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, and the interval that holds it in 95 % of the resamples."""

    value: float
    interval_95: Interval

    def rounded(self, digits: int = 6) -> list[float]:
        """[value, low, high], as JSON files hold it."""
        return [round(number, digits) for number in (self.value, *self.interval_95)]


@dataclass(frozen=True, slots=True)
class Ratios:
    """Many ratios at once; all arrays have one shape."""

    values: Exact
    low: Exact
    high: Exact

    def at(self, index: Any) -> Estimate:
        """The ratio at one index."""
        low, high = float(self.low[index]), float(self.high[index])
        return Estimate(float(self.values[index]), (low, high))


def ratios(parts: Sequence[tuple[Array, Array]] | tuple[Array, Array]) -> Ratios:
    """Σ numerator / Σ denominator over sentences; of two such pairs, the first ratio minus the second.

    Bootstrap over sentences (Koehn 2004), percentiles of 1,000 resamples: a difference comes from the
    same resamples on both sides. Where a denominator sums to 0 the ratio is 0.

    Args:
        parts: one pair or two of arrays: a row a sentence, then any shape; the two arrays of a pair
            broadcast against each other.
    """
    pairs = [parts] if isinstance(parts[0], np.ndarray) else list(parts)
    first, *others = [_ratio(*pair) for pair in pairs]  # type: ignore[misc]
    whole, drawn = first
    for value, resampled in others:
        whole, drawn = whole - value, drawn - resampled
    ordered = np.sort(drawn, axis=0)
    cut = len(ordered) // 40
    return Ratios(whole, ordered[cut], ordered[-1 - cut])


def _ratio(numerators: Array, denominators: Array) -> tuple[Exact, Exact]:
    """Of the sentences themselves, and of every resample of them."""
    above, below = np.broadcast_arrays(numerators, denominators)
    draws = times_drawn(len(above))
    flat = [np.asarray(side, np.float64).reshape(len(side), -1) for side in (above, below)]
    shape = above.shape[1:]
    return (
        _divided(*(side.sum(0) for side in flat)).reshape(shape),
        _divided(*(draws @ side for side in flat)).reshape(len(draws), *shape),
    )


def _divided(above: Exact, below: Exact) -> Exact:
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below != 0))
