"""One query of one head through Equation 1, in numbers."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Walk:
    """softmax(q·Kᵀ / √d_k) V for one query and k keys, with all intermediate numbers."""

    query: Array  # d_k
    keys: Array  # k d_k
    values: Array  # k d_v
    visible: NDArray[np.bool_]  # k, True = may be attended to
    products: Array  # k
    scaled: Array  # k
    weights: Array  # k
    weighted: Array  # k d_v
    output: Array  # d_v

    @property
    def weights_unscaled(self) -> Array:
        """The softmax of the products without the division by √d_k."""
        return softmax(self.products, self.visible)


def walk(query: Array, keys: Array, values: Array, visible: NDArray[np.bool_]) -> Walk:
    """Compute each stage of Equation 1 in float64.

    Args:
        query, keys, values: d_k, k d_k and k d_v, projected already.
        visible: k, True = may be attended to.

    Raises:
        ValueError: if the shapes do not belong together.
    """
    if keys.shape != (len(values), *query.shape) or visible.shape != (len(values),):
        raise ValueError(
            f"query {query.shape}, keys {keys.shape}, values {values.shape} and visible "
            f"{visible.shape} do not fit; wanted (d_k,), (k, d_k), (k, d_v) and (k,)"
        )
    query, keys, values = (array.astype(float) for array in (query, keys, values))
    products = keys @ query
    scaled = products / math.sqrt(len(query))
    weights = softmax(scaled, visible)
    weighted = weights[:, None] * values
    return Walk(
        query, keys, values, visible, products, scaled, weights, weighted, weighted.sum(axis=0)
    )


def softmax(scores: Array, visible: NDArray[np.bool_]) -> Array:
    """The softmax over the visible keys: k. Hidden keys get 0; without a visible key, all get 0."""
    if not visible.any():
        return np.zeros(len(scores))
    raised = np.exp(np.where(visible, scores - scores[visible].max(), -np.inf))
    return np.asarray(raised / raised.sum())
