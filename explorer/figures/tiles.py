"""Large matrices made small enough for a tile, their bright cells kept."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_CELLS = 64
"""A tile has at most so many rows and columns; of longer sentences, each cell is a block's maximum."""


def pooled(weights: NDArray[np.floating[Any]], most: int = MOST_CELLS) -> NDArray[np.floating[Any]]:
    """Blocks of a large matrix as their maximum, so that a tile keeps its bright cells.

    Args:
        weights: .. q k; with q and k up to `most`, they come back as they are.
    """
    for axis in (-2, -1):
        n = weights.shape[axis]
        if n > most:
            weights = np.maximum.reduceat(weights, block_starts(n, most), axis=axis)
    return weights


def block_starts(n: int, most: int = MOST_CELLS) -> NDArray[np.intp]:
    """The first row or column of each block, of n; as many blocks as there are cells."""
    return np.unique(np.linspace(0, n, min(n, most), endpoint=False).astype(np.intp))
