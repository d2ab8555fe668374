"""Make large matrices small enough for a tile, and keep their bright cells."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_CELLS = 64
"""A tile has at most so many rows and columns; of longer sentences, each cell is a block's maximum."""


def pooled(weights: NDArray[np.floating[Any]], most: int = MOST_CELLS) -> NDArray[np.floating[Any]]:
    """The maximum of each block of a large matrix, so that a tile keeps its bright cells.

    Args:
        weights: .. q k; with q and k up to `most`, they come back as they are.
    """
    for axis in (-2, -1):
        n = weights.shape[axis]
        if n > most:
            weights = np.maximum.reduceat(weights, block_starts(n, most), axis=axis)
    return weights


def block_starts(n: int, most: int = MOST_CELLS) -> NDArray[np.intp]:
    """The first of the n rows or columns in each block; at most `most` blocks."""
    return np.unique(np.linspace(0, n, min(n, most), endpoint=False).astype(np.intp))
