"""The sinusoids of section 3.5 in numbers: frequencies, dot products, and the shift map.

Positions and dimensions count from 0, as in the paper's formulas. A `table` is n d_model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class ByDistance:
    """PE(p)·PE(p + k) for every distance k from 0 to n - 1, over all positions p."""

    mean: Array
    lowest: Array
    highest: Array


def frequencies(d_model: int) -> Array:
    """ω_i = 10000^(-2i/d_model), one for each pair of dimensions: d_model/2.

    Raises:
        ValueError: if d_model is odd.
    """
    if d_model % 2:
        raise ValueError(f"d_model={d_model} is odd; a sine and a cosine need an even d_model")
    return np.asarray(10_000.0 ** (-np.arange(0, d_model, 2) / d_model))


def pair_dimensions(
    d_model: int, *, halves: bool = False
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The dimensions of each frequency's sine and cosine: side by side, or in two halves."""
    pairs = np.arange(d_model // 2, dtype=np.intp)
    return (pairs, pairs + d_model // 2) if halves else (2 * pairs, 2 * pairs + 1)


def shift_map(d_model: int, k: int, *, halves: bool = False) -> Array:
    """The matrix M_k with PE(p + k) = M_k PE(p) for every p (section 3.5): d_model d_model.

    Each pair (sin, cos) is rotated by the block [[cos ω k, sin ω k], [-sin ω k, cos ω k]].

    Raises:
        ValueError: if d_model is odd.
    """
    angle = frequencies(d_model) * k
    sine, cosine = pair_dimensions(d_model, halves=halves)
    matrix = np.zeros((d_model, d_model))
    matrix[sine, sine] = matrix[cosine, cosine] = np.cos(angle)
    matrix[sine, cosine] = np.sin(angle)
    matrix[cosine, sine] = -np.sin(angle)
    return matrix


def shift_error(table: Array, k: int, *, halves: bool = False) -> float:
    """The largest |M_k PE(p) - PE(p + k)| over all dimensions and all p with p + k in the table.

    Raises:
        ValueError: if the table holds no position p + k, or d_model is odd.
    """
    n, d_model = table.shape
    _require_inside(k, n)
    moved = table[: n - k].astype(float) @ shift_map(d_model, k, halves=halves).T
    return float(np.abs(moved - table[k:]).max())


def dot_products(table: Array) -> Array:
    """PE·PEᵀ: n n."""
    return np.asarray(table.astype(float) @ table.astype(float).T)


def dot_products_by_distance(table: Array) -> ByDistance:
    """PE·PEᵀ by distance: mean and spread over positions. Zero spread: only distance matters."""
    products = dot_products(table)
    diagonals = [np.diagonal(products, k) for k in range(len(table))]
    return ByDistance(
        mean=np.array([diagonal.mean() for diagonal in diagonals]),
        lowest=np.array([diagonal.min() for diagonal in diagonals]),
        highest=np.array([diagonal.max() for diagonal in diagonals]),
    )


def cosines(table: Array) -> Array:
    """Cosines between the rows of a table, to compare tables of any scale: n n."""
    lengths = np.linalg.norm(table.astype(float), axis=1, keepdims=True)
    unit = table / np.where(lengths > 0, lengths, 1)
    return np.asarray(unit @ unit.T)


def _require_inside(k: int, n: int) -> None:
    if not 0 <= k < n:
        raise ValueError(f"k={k} leaves the table of {n} positions; take 0 <= k < {n}")
