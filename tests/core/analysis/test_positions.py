"""The laws of section 3.5."""

import numpy as np
import pytest

from core.analysis.positions import (
    cosines,
    dot_products_by_distance,
    frequencies,
    shift_error,
    shift_map,
)
from core.model.embedding import sinusoids

N, D = 53, 26
LEARNED = np.random.default_rng(1).normal(size=(N, D)) * D**-0.5


def table(*, halves: bool = False) -> np.ndarray:
    return sinusoids(N, D, halves=halves).numpy()


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("k", [0, 1, 7, N - 1])
def test_a_shift_is_one_linear_map(k: int, halves: bool) -> None:
    assert shift_error(table(halves=halves), k, halves=halves) < 3e-7  # the table is float32


def test_the_map_of_the_other_layout_does_not_fit() -> None:
    assert shift_error(table(halves=True), 7, halves=False) > 0.1


@pytest.mark.parametrize("halves", [False, True])
def test_shifts_add_up_and_keep_lengths(halves: bool) -> None:
    three, four, seven = (shift_map(D, k, halves=halves) for k in (3, 4, 7))
    assert np.allclose(three @ four, seven, rtol=0, atol=1e-12)
    assert np.allclose(seven @ seven.T, np.eye(D), rtol=0, atol=1e-12)


def test_the_interleaved_map_is_made_of_the_papers_blocks() -> None:
    matrix = shift_map(4, 5)
    for pair, frequency in enumerate(frequencies(4)):
        c, s = np.cos(5 * frequency), np.sin(5 * frequency)
        block = matrix[2 * pair : 2 * pair + 2, 2 * pair : 2 * pair + 2]
        assert np.allclose(block, [[c, s], [-s, c]], rtol=0, atol=1e-15)
    assert not matrix[:2, 2:].any()


@pytest.mark.parametrize("k", [-1, N])
def test_a_shift_out_of_the_table_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"k={k} leaves the table of {N} positions"):
        shift_error(table(), k)


def test_an_odd_width_is_refused() -> None:
    with pytest.raises(ValueError, match="d_model=7 is odd"):
        shift_map(7, 1)


def test_dot_products_of_sinusoids_depend_on_distance_alone() -> None:
    found = dot_products_by_distance(table())
    literal = [np.cos(frequencies(D) * k).sum() for k in range(N)]
    assert np.allclose(found.mean, literal, rtol=0, atol=1e-5)
    assert (found.highest - found.lowest).max() < 1e-5


def test_those_of_a_learned_table_do_not() -> None:
    found = dot_products_by_distance(LEARNED)
    assert (found.highest - found.lowest)[: N // 2].min() > 0.1


def test_cosines_forget_the_length_of_rows() -> None:
    assert np.allclose(cosines(5 * LEARNED), cosines(LEARNED), rtol=0, atol=1e-12)
    assert np.allclose(np.diag(cosines(LEARNED)), 1)
    assert not cosines(np.zeros((3, 4))).any()
