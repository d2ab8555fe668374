"""Ratios and their intervals against a bootstrap that draws sentences one by one."""

import numpy as np
import pytest

from core.evaluation.bootstrap import N_BOOTSTRAP, SEED
from core.evaluation.ratios import ratios

RANDOM = np.random.default_rng(5)
N = 23
HITS = RANDOM.integers(0, 5, (N, 2, 3)).astype(float)
OTHER = RANDOM.integers(0, 5, (N, 2, 3)).astype(float)
CHANCES = RANDOM.integers(5, 9, (N, 1, 1)).astype(float)
DRAWN = np.random.default_rng(SEED).choice(N, size=(N_BOOTSTRAP, N), replace=True)


def resampled(hits, chances):
    broad = np.broadcast_to(chances, hits.shape)
    return np.array([hits[rows].sum(0) / broad[rows].sum(0) for rows in DRAWN])


def test_an_interval_is_that_of_a_plain_bootstrap():
    found = ratios((HITS, CHANCES))
    np.testing.assert_allclose(found.values, HITS.sum(0) / CHANCES.sum())
    ordered = np.sort(resampled(HITS, CHANCES), axis=0)
    np.testing.assert_allclose(found.low, ordered[25])
    np.testing.assert_allclose(found.high, ordered[-26])
    one = found.at((1, 2))
    assert (one.value, *one.interval_95) == (
        found.values[1, 2], found.low[1, 2], found.high[1, 2],
    )  # fmt: skip


def test_a_difference_comes_from_the_same_resamples():
    found = ratios([(HITS, CHANCES), (OTHER, CHANCES + 1)])
    np.testing.assert_allclose(
        found.values, HITS.sum(0) / CHANCES.sum() - OTHER.sum(0) / (CHANCES + 1).sum()
    )
    ordered = np.sort(resampled(HITS, CHANCES) - resampled(OTHER, CHANCES + 1), axis=0)
    np.testing.assert_allclose(found.low, ordered[25])
    np.testing.assert_allclose(found.high, ordered[-26])


def test_of_nothing_the_ratio_is_0():
    found = ratios((np.zeros((4, 2)), np.array([[0.0, 1.0]] * 4)))
    assert found.at(0).value == 0
    assert found.at(1).rounded() == [0, 0, 0]


def test_a_single_number():
    assert ratios((np.ones(5), np.full(5, 4.0))).at(()).value == pytest.approx(0.25)
