"""Links between words, read off one head or one layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating[Any]]
"""t (s + 1): target words; source words, and last what falls on special tokens."""


@dataclass(frozen=True, slots=True)
class WordLink:
    """Words count from 0, as in the Pharaoh format."""

    source: int
    target: int
    confidence: float
    """The share of the target word's row that this source word has."""
    is_mutual: bool
    """Whether the source word's column is largest at this target word too."""

    def __str__(self) -> str:
        return f"{self.source}-{self.target}"


def linked(matrix: Matrix) -> NDArray[np.intp]:
    """The column of each target word's largest number: .. t (s + 1) -> .. t.

    The last column, s, stands for special tokens: such a word has no link.
    """
    return np.asarray(matrix.argmax(-1))


def mutual(matrix: Matrix) -> NDArray[np.bool_]:
    """Whether each target word's link is mutual: .. t (s + 1) -> .. t."""
    of_source = matrix[..., :-1].argmax(-2)  # .. s
    none = np.full((*of_source.shape[:-1], 1), -1)
    back = np.take_along_axis(np.concatenate((of_source, none), -1), linked(matrix), -1)
    return np.asarray(back == np.arange(matrix.shape[-2]))


def links_of(matrix: Matrix) -> list[WordLink]:
    """A link for each target word, but for those whose largest number falls on special tokens."""
    columns, is_mutual = linked(matrix), mutual(matrix)
    shares = matrix / np.maximum(matrix.sum(-1, keepdims=True), np.finfo(float).tiny)
    return [
        WordLink(int(s), t, float(shares[t, s]), bool(is_mutual[t]))
        for t, s in enumerate(columns)
        if s < matrix.shape[-1] - 1
    ]


def pharaoh(links: Sequence[WordLink]) -> str:
    """`0-0 1-2 2-1`: source word, target word; the format of Moses, fast_align and eflomal."""
    return " ".join(map(str, links))
