"""Additions as text."""

import pytest

from core.text.addition import addends, addition_pairs, carries


def test_a_sum_and_its_result_agree():
    for text, result in addition_pairs(200):
        left, right = addends(text)
        assert left + right == int(result)


@pytest.mark.parametrize(
    "text", ["", "4821+9377", "0821 + 9377", "48211 + 1", "4821 + 9377 ", "٤٨٢١ + 9377"]
)
def test_other_texts_are_no_sums(text):
    assert addends(text) is None


def test_the_same_seed_makes_the_same_sums():
    assert list(addition_pairs(5, 3)) == list(addition_pairs(5, 3)) != list(addition_pairs(5, 4))


def test_carries_are_those_of_written_addition():
    assert carries(4821, 9377) == (0, 0, 0, 1, 1)
    assert carries(9999, 1001) == (0, 1, 1, 1, 1)
    assert carries(1111, 2222) == (0, 0, 0, 0, 0)
