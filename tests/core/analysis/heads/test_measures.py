"""What heads do, in numbers: read literally, and at cases known in advance."""

import dataclasses
import math

import numpy as np
import pytest

from core.analysis.heads.measures import (
    MEASURES,
    confidence,
    entropy,
    keys_of,
    mean_distance,
    norm_contribution,
    ranked_heads,
    special_mass,
)
from core.analysis.trace.capture import trace
from core.config import KINDS
from tests.core.helpers import random_weights, small_config, small_model

N, H, Q, K = 2, 3, 5, 7


@pytest.fixture(scope="module")
def traced(tokenizer):
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    prefix = [*tokenizer.encode("Heute malt Otto ein Haus."), 3]
    return trace(model, tokenizer, "Otto paints an old house today.", prefix=prefix)


def test_entropy_of_one_look_is_0_and_of_an_even_one_ln_k():
    one_key = np.zeros((1, 1, Q, K))
    one_key[..., 3] = 1
    assert entropy(one_key) == 0
    assert entropy(np.full((1, 1, Q, K), 1 / K)) == pytest.approx(math.log(K))
    halves = np.array([[[[0.5, 0.5, 0], [1, 0, 0]]]])
    assert entropy(halves) == pytest.approx(math.log(2) / 2)
    assert entropy(halves, 0) == pytest.approx(math.log(2))


def test_distance_is_counted_in_pieces():
    next_one = np.eye(K, k=1)[None, None]  # every row looks one to the right, the last nowhere
    assert mean_distance(next_one) == pytest.approx((K - 1) / K)
    assert mean_distance(next_one, 2) == 1
    assert mean_distance(np.eye(K)[None, None]) == 0


def test_relative_distance_is_0_along_the_diagonal_between_the_ends():
    weights = np.zeros((1, 1, 4, 8))
    for row in range(4):
        weights[0, 0, row, 2 * row + 1] = 1
    assert mean_distance(weights, is_relative=True) == 0
    weights = np.zeros((1, 1, 4, 8))
    weights[..., 7] = 1  # all rows look at the end: 3/4, 2/4, 1/4 and 0 away
    assert mean_distance(weights, is_relative=True) == pytest.approx(1.5 / 4)
    assert mean_distance(weights, 0, is_relative=True) == pytest.approx(3 / 4)


def test_special_mass_is_what_words_lack(traced):
    weights = traced.weights["cross"]
    np.testing.assert_allclose(
        special_mass(weights, traced.source.pieces), weights[..., -1].mean(-1), rtol=1e-6
    )
    decoder = traced.weights["decoder"]
    np.testing.assert_allclose(
        special_mass(decoder, traced.consumed, 2), decoder[:, :, 2, 0], rtol=1e-6
    )


def test_confidence_leaves_special_pieces_out(traced):
    weights = traced.weights["encoder"].astype(np.float64)
    literal = weights[..., :-1].max(-1)  # </s> is the last column
    np.testing.assert_allclose(confidence(weights, traced.source.pieces), literal.mean(-1))
    np.testing.assert_allclose(confidence(weights, traced.source.pieces, 3), literal[..., 3])


def test_contributions_of_a_layer_sum_to_1():
    weights, norms = random_weights(N, H, Q, K), np.random.default_rng(2).random((N, H, K))
    for row in (None, 0, Q - 1):
        contribution = norm_contribution(weights, norms, row)
        assert contribution.shape == (N, H)
        np.testing.assert_allclose(contribution.sum(1), 1)
    norms[0, 1] = 0
    contribution = norm_contribution(weights, norms)
    assert contribution[0, 1] == 0
    assert (contribution[1] > 0).all()


def test_a_contribution_ignores_how_long_the_layers_vectors_are():
    weights, norms = random_weights(N, H, Q, K), np.random.default_rng(2).random((N, H, K))
    longer = norms * np.array([3.0, 7.0])[:, None, None]
    np.testing.assert_allclose(
        norm_contribution(weights, longer), norm_contribution(weights, norms)
    )


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_measure_gives_a_number_a_head(traced, name, kind):
    measure = MEASURES[name]
    n_layers, n_heads, n_rows, _ = traced.weights[kind].shape
    by_row = np.stack([measure.function(traced, kind, row) for row in range(n_rows)])
    assert by_row.shape == (n_rows, n_layers, n_heads)
    assert np.isfinite(by_row).all()
    np.testing.assert_allclose(measure.function(traced, kind, None), by_row.mean(0))
    assert by_row.std() > 0
    assert all((measure.title, measure.units[kind], measure.low, measure.high))


def test_keys_are_the_columns(traced):
    for kind in KINDS:
        assert len(keys_of(traced, kind)) == traced.weights[kind].shape[-1]
    assert keys_of(traced, "decoder")[0].name == "<s>"


def test_ranked_heads_are_all_heads_the_most_pointed_first(traced):
    for step in range(len(traced.steps)):
        ranked = ranked_heads(traced, step)
        assert {(head.place.layer, head.place.head) for head in ranked} == set(np.ndindex(3, 5))
        weights = [head.weight for head in ranked]
        assert weights == sorted(weights, reverse=True)
        for head in ranked:
            row = traced.weights["cross"][head.place.layer, head.place.head, step]
            assert head.weight == row[head.piece] == row[:-1].max()
        assert sum(head.contribution for head in ranked) == pytest.approx(3)  # one a layer


def test_a_head_that_points_at_a_word_outranks_one_at_the_end(traced):
    cross = np.full_like(traced.weights["cross"], 1 / len(traced.source.pieces))
    cross[1, 2, 0] = 0
    cross[1, 2, 0, -1] = 1  # all on </s>
    cross[2, 4, 0] = 0.01
    cross[2, 4, 0, 3] = 0.9
    pointed = dataclasses.replace(traced, weights={**traced.weights, "cross": cross})
    first, *_, last = ranked_heads(pointed, 0)
    assert (first.place.layer, first.place.head, first.piece) == (2, 4, 3)
    assert first.weight == pytest.approx(0.9)
    assert (last.place.layer, last.place.head, last.weight) == (1, 2, 0)


def test_a_step_that_is_not_there_is_named(traced):
    n_steps = len(traced.steps)
    for step in (-1, n_steps):
        with pytest.raises(ValueError, match=rf"^step {step} is not one of 0 \.\. {n_steps - 1}$"):
            ranked_heads(traced, step)


def test_a_source_without_text_ranks_nothing(tokenizer):
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    traced = trace(model, tokenizer, "a", prefix=[5, 3])
    n = len(traced.source.pieces)
    specials = tokenizer.read([3] * n)  # as a file of another program may hold it
    empty = dataclasses.replace(traced, source=specials)
    assert ranked_heads(empty, 0) == ()
    for measure in MEASURES.values():
        assert np.isfinite(measure.function(empty, "cross", None)).all()
