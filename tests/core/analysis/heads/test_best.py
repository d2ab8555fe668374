"""The head to open on where none was measured: the one that attends to most of the source."""

import dataclasses

import numpy as np
import pytest

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import covering_head
from core.analysis.trace.trace import Trace
from core.checkpoint.bundled import bundled_root


@pytest.fixture(scope="module")
def trace() -> Trace:
    return Trace.load(bundled_root() / "en-de" / "example.npz")


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (3, 7)])
@pytest.mark.parametrize("word", [0, -2], ids=["first", "last"])
def test_a_single_word_counts_wherever_it_stands(
    trace: Trace, place: tuple[int, int], word: int
) -> None:
    cross = np.zeros_like(trace.weights["cross"])
    cross[..., -1] = 0.9  # all look at </s>, which does not count
    cross[place][3, word] = 0.1
    made = dataclasses.replace(trace, weights={**trace.weights, "cross": cross})
    assert covering_head(made).place == HeadPlace("cross", *place)


def test_many_words_a_little_are_less_than_all_in_turn(trace: Trace) -> None:
    cross = np.full_like(trace.weights["cross"], 0.2)
    n_steps, n_source = cross.shape[-2:]
    for word in range(n_source - 1):
        cross[2, 5, word % n_steps, word] = 0.9
    made = dataclasses.replace(trace, weights={**trace.weights, "cross": cross})
    assert covering_head(made).place == HeadPlace("cross", 2, 5)
