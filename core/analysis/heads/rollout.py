"""How much each token contributes: norm-weighted attention, and attention rollout.

Attention weights tell where a head attends, but not how much it adds to the residual stream. That
is the weight times the transformed value (Kobayashi et al. 2020). Nor do weights tell which source
tokens are mixed into a position of an upper layer; rollout estimates that (Abnar & Zuidema 2020).
This module works on the arrays of a `Trace`, without torch.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]


def norm_weighted(weights: Numbers, value_norms: Numbers) -> Numbers:
    """‖α v W^O‖ of every query, key and head: the norm of a contribution (Kobayashi et al. 2020).

    Args:
        weights: .. q k
        value_norms: .. k, as in `Trace.value_norms`

    Returns:
        .. q k; the norms of a query have no fixed sum.
    """
    return weights * value_norms[..., None, :]


def encoder_rollout(weights: Numbers) -> NDArray[np.float64]:
    """Attention rollout through the encoder (Abnar & Zuidema 2020).

    R starts as the identity, and each layer sets R ← ½R + ½ĀR, where Ā is the mean of the weights
    over heads. Half of a position comes through the residual connection, half through attention.

    Args:
        weights: N H S S

    Returns:
        N S S: row i of entry l is the share each source piece has in position i after layer l + 1;
        every row sums to 1.
    """
    rollout = np.eye(weights.shape[-1])
    layers = []
    for attention in _mean_over_heads(weights):
        rollout = _half_through(attention @ rollout, rollout)
        layers.append(rollout)
    return np.stack(layers)


def decoder_rollout(
    decoder_weights: Numbers, cross_weights: Numbers, encoder_rollout: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rollout through the decoder, over the columns [source | prefix].

    R starts as [0 | I]. Each layer sets R ← ½R + ½Ā_self·R, then R ← ½R + ½[Ā_cross·R_enc | 0].

    Differs from Abnar & Zuidema 2020, who roll out encoders only: cross-attention adds the
    encoder's rollout R_enc, and counts as one more sub-layer with a residual connection.

    Args:
        decoder_weights: N H T T
        cross_weights: N H T S
        encoder_rollout: S S, the rollout after the last encoder layer:
            `encoder_rollout(weights)[-1]`

    Returns:
        N T (S + T): row t of entry l is the share of each source piece, then of each consumed
        token, in step t after layer l + 1; every row sums to 1.
    """
    n_steps, n_source = cross_weights.shape[-2:]
    rollout = np.hstack((np.zeros((n_steps, n_source)), np.eye(n_steps)))
    layers = []
    for self_attention, cross_attention in zip(
        _mean_over_heads(decoder_weights), _mean_over_heads(cross_weights), strict=True
    ):
        rollout = _half_through(self_attention @ rollout, rollout)
        brought = np.zeros_like(rollout)
        brought[:, :n_source] = cross_attention @ encoder_rollout
        rollout = _half_through(brought, rollout)
        layers.append(rollout)
    return np.stack(layers)


def _mean_over_heads(weights: Numbers) -> NDArray[np.float64]:
    return weights.mean(1, dtype=np.float64)  # type: ignore[no-any-return]


def _half_through(
    attended: NDArray[np.float64], stream: NDArray[np.float64]
) -> NDArray[np.float64]:
    return 0.5 * stream + 0.5 * attended
