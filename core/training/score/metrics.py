"""How much a second attempt improves the first: Acc@t1, Acc@t2, Δ, i→c, c→i, with intervals.

Nothing here imports torch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import ArrayLike, NDArray

N_RESAMPLES = 1_000
SEED = 12_345

BySeed = NDArray[np.float64]
"""A number for each seed and problem: seeds x problems."""


@dataclass(frozen=True, slots=True)
class Share:
    """A mean over problems in per cent, and its 95 % interval (bootstrap over problems).

    A problem counts once, with its mean over seeds; so seeds make no interval narrower than the
    problems allow.
    """

    value: float
    interval_95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Correction:
    """The paper's metrics of one method on one text (section 3): shares of all problems."""

    first: Share
    """Acc@t1."""
    second: Share
    """Acc@t2."""
    delta: Share
    """Acc@t2 - Acc@t1 = i→c - c→i."""
    to_correct: Share
    """i→c: wrong at first, then right."""
    to_incorrect: Share
    """c→i: right at first, then wrong."""
    p_mcnemar: tuple[float, ...]
    """Exact two-sided McNemar test of Acc@t1 = Acc@t2, a seed each."""


def correction(first: ArrayLike, second: ArrayLike, *, is_right: float) -> Correction:
    """Compare two attempts at the same problems.

    Args:
        first, second: rewards, seeds x problems; those of at least `is_right` count as right.

    Raises:
        ValueError: if there are no problems, or the two have not the same shape.
    """
    r1, r2 = (np.atleast_2d(np.asarray(each, np.float64)) for each in (first, second))
    if r1.shape != r2.shape or not r1.size:
        raise ValueError(
            f"rewards of first attempts {r1.shape} and of second ones {r2.shape} must have the same "
            "shape, and not be empty"
        )
    c1, c2 = r1 >= is_right, r2 >= is_right
    fixed, broken = ~c1 & c2, c1 & ~c2
    return Correction(
        first=share(c1),
        second=share(c2),
        delta=share(c2.astype(np.float64) - c1),
        to_correct=share(fixed),
        to_incorrect=share(broken),
        p_mcnemar=tuple(
            mcnemar(int(a.sum()), int(b.sum())) for a, b in zip(fixed, broken, strict=True)
        ),
    )


def share(by_seed: ArrayLike) -> Share:
    """The mean over seeds and problems in per cent, with its interval over problems."""
    values = np.atleast_2d(np.asarray(by_seed, np.float64)).mean(0) * 100
    draw = np.random.default_rng(SEED)
    n = len(values)
    means = [values[draw.integers(n, size=n)].mean() for _ in range(N_RESAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5))
    return Share(float(values.mean()), (float(low), float(high)))


def mcnemar(n_fixed: int, n_broken: int) -> float:
    """The chance of a split at least as uneven, if right and wrong turned alike often (two-sided)."""
    n = n_fixed + n_broken
    tail = sum(math.comb(n, k) for k in range(min(n_fixed, n_broken) + 1)) / 2**n
    return min(1.0, 2.0 * float(tail))


def edit_share(first: str, second: str) -> float:
    """How far two attempts differ: 1 - 2 x common characters over the summed lengths, 0 to 1."""
    return 1.0 - SequenceMatcher(None, first, second, autojunk=False).ratio()


def edit_shares(first: Sequence[str], second: Sequence[str]) -> list[float]:
    """`edit_share` of each pair of attempts."""
    return [edit_share(a, b) for a, b in zip(first, second, strict=True)]
