"""Equation 1 in numbers: what the walk says is what the model computes."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from core.analysis.heads.measures import entropy_nats
from core.analysis.heads.walk import Walk, softmax, walk
from core.model.attention import attention_scores, attention_weights

N, D_K, D_V = 5, 7, 11
RANDOM = np.random.default_rng(1)
QUERY, KEYS, VALUES = (RANDOM.normal(size=shape) for shape in (D_K, (N, D_K), (N, D_V)))
VISIBLE = np.array([True, True, False, True, True])


def walked() -> Walk:
    return walk(QUERY, KEYS, VALUES, VISIBLE)


def test_the_walk_is_what_the_model_computes() -> None:
    query, keys = torch.tensor(QUERY)[None, None, None], torch.tensor(KEYS)[None, None]
    scores = attention_scores(query, keys)
    weights = attention_weights(scores, torch.tensor(VISIBLE)[None, None, None])
    assert_allclose(walked().scaled, scores[0, 0, 0], atol=1e-12)
    assert_allclose(walked().weights, weights[0, 0, 0], atol=1e-12)
    assert_allclose(walked().output, (weights[0, 0, 0] @ torch.tensor(VALUES)), atol=1e-12)


def test_without_the_scale_the_row_is_sharper() -> None:
    assert_allclose(walked().products, walked().scaled * math.sqrt(D_K))
    assert entropy_nats(walked().weights_unscaled) < entropy_nats(walked().weights)


def test_a_row_that_may_look_nowhere_is_zero() -> None:
    assert not softmax(np.ones(3), np.zeros(3, bool)).any()


def test_large_products_do_not_overflow() -> None:
    assert_allclose(softmax(np.array([1e4, 0, 1e4]), np.ones(3, bool)), [0.5, 0, 0.5])


def test_a_hidden_key_may_hold_anything() -> None:
    keys = KEYS.copy()
    keys[2] = 1e6
    assert_allclose(walk(QUERY, keys, VALUES, VISIBLE).weights, walked().weights, atol=1e-12)


@pytest.mark.parametrize(("weights", "nats"), [([1, 0, 0], 0), ([0.25] * 4, math.log(4))])
def test_entropy_is_in_nats(weights: list[float], nats: float) -> None:
    assert entropy_nats(np.array(weights)) == pytest.approx(nats)


def test_shapes_that_do_not_belong_together_are_named() -> None:
    with pytest.raises(ValueError, match=r"keys \(5, 6\).* do not fit"):
        walk(QUERY, KEYS[:, 1:], VALUES, VISIBLE)
