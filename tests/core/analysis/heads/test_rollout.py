"""What was brought from where: read literally with loops, and at cases known in advance."""

import numpy as np
import pytest

from core.analysis.heads.rollout import decoder_rollout, encoder_rollout, norm_weighted
from tests.core.helpers import random_weights

N, H, Q, K = 2, 3, 5, 7


def test_norm_weighted_is_weight_times_norm():
    weights, norms = random_weights(N, H, Q, K), np.random.default_rng(2).random((N, H, K))
    weighted = norm_weighted(weights, norms)
    for place in np.ndindex(weights.shape):
        layer, head, _, key = place
        assert weighted[place] == weights[place] * norms[layer, head, key]


def literal_rollout(weights):
    """R[i][j] through every layer, by loops."""
    n_layers, n_heads, n, _ = weights.shape
    rollout = [[float(i == j) for j in range(n)] for i in range(n)]
    for layer in range(n_layers):
        mean = [[sum(weights[layer, h, i, m] for h in range(n_heads)) / n_heads
                 for m in range(n)] for i in range(n)]  # fmt: skip
        rollout = [
            [0.5 * rollout[i][j] + 0.5 * sum(mean[i][m] * rollout[m][j] for m in range(n))
             for j in range(n)]
            for i in range(n)
        ]  # fmt: skip
    return rollout


def test_encoder_rollout_read_with_loops():
    weights = random_weights(4, H, K, K)
    rollout = encoder_rollout(weights)
    assert rollout.shape == (4, K, K)
    for layer in range(4):
        np.testing.assert_allclose(rollout[layer], literal_rollout(weights[: layer + 1]))


def test_decoder_rollout_is_one_encoder_rollout_over_source_and_prefix():
    """Read as a matrix over [source | prefix] in which the source half is finished already."""
    decoder, cross = random_weights(N, H, Q, Q, causal=True), random_weights(N, H, Q, K, seed=2)
    encoder = encoder_rollout(random_weights(4, H, K, K, seed=3))[-1]
    rollout = np.block([np.zeros((Q, K)), np.eye(Q)])
    for layer, rolled in enumerate(decoder_rollout(decoder, cross, encoder)):
        rollout = 0.5 * rollout + 0.5 * decoder[layer].mean(0) @ rollout
        brought = np.block([cross[layer].mean(0) @ encoder, np.zeros((Q, Q))])
        rollout = 0.5 * rollout + 0.5 * brought
        np.testing.assert_allclose(rolled, rollout)


@pytest.mark.parametrize(("n_encoder", "n_decoder"), [(1, 4), (4, 1), (2, 3)])
def test_rows_of_rollout_sum_to_1_and_see_no_future(n_encoder, n_decoder):
    encoder = encoder_rollout(random_weights(n_encoder, H, K, K))
    decoder = decoder_rollout(
        random_weights(n_decoder, H, Q, Q, causal=True),
        random_weights(n_decoder, H, Q, K),
        encoder[-1],
    )
    assert encoder.shape == (n_encoder, K, K)
    assert decoder.shape == (n_decoder, Q, K + Q)
    for rollout in (encoder, decoder):
        np.testing.assert_allclose(rollout.sum(-1), 1, rtol=0, atol=1e-12)
        assert (rollout >= 0).all()
    assert (np.triu(decoder[..., K:], 1) == 0).all()


def test_heads_that_look_at_themselves_mix_nothing():
    stay = np.broadcast_to(np.eye(K), (N, H, K, K))
    assert np.array_equal(encoder_rollout(stay), np.broadcast_to(np.eye(K), (N, K, K)))


def test_a_decoder_layer_takes_half_from_the_source():
    """Each cross-attention halves what there was: the source has 1 - 2^-N after N layers."""
    rollout = decoder_rollout(
        random_weights(3, H, Q, Q, causal=True), random_weights(3, H, Q, K), np.eye(K)
    )
    source = rollout[..., :K].sum(-1)
    np.testing.assert_allclose(source, np.array([[0.5], [0.75], [0.875]]) * np.ones((3, Q)))


def test_a_rollout_of_unequal_stacks_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        decoder_rollout(random_weights(3, H, Q, Q), random_weights(2, H, Q, K), np.eye(K))
