"""Equation 1 as it is sent: compact, and of a long text the chosen row alone."""

import numpy as np
import pytest

from core.analysis.heads.walk import walk
from explorer.components.equation.component import (
    MOST_BYTES,
    EquationRow,
    Token,
    coloured,
    fits,
    payload,
)
from tests.explorer.readings import equation_of, unpacked

RANDOM = np.random.default_rng(5)


def rows(n: int, n_keys: int, d_k: int, d_v: int) -> list[EquationRow]:
    keys, values = RANDOM.normal(size=(n_keys, d_k)), RANDOM.normal(size=(n_keys, d_v))
    said = ("A ", coloured("query", "query"))
    return [
        EquationRow(
            number, walk(RANDOM.normal(size=d_k), keys, values, np.arange(n_keys) <= number),
            said, (said,) * 6, "without", "",
        )
        for number in range(1, n + 1)
    ]  # fmt: skip


def sent(given: list[EquationRow]) -> bytes:
    tokens = [Token("t", 0)] * len(given[0].walked.keys)
    return payload(
        given, title="t", head="h", queries=tokens, keys=tokens, sides=("source", "source"), row=1,
        limits=(1.0, 2.0),
    )  # fmt: skip


def test_all_rows_come_back_as_they_were() -> None:
    given = rows(3, 5, 7, 2)
    found = equation_of(sent(given))
    for name in ("query", "products", "weights", "visible"):
        expected = np.stack([getattr(each.walked, name) for each in given])
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-6)
    np.testing.assert_allclose(found.keys, given[0].walked.keys, rtol=1e-6)
    np.testing.assert_allclose(found.values, given[0].walked.values, rtol=1e-6)
    assert found.texts(1)["story"] == ["A ", ["query", "query"]]


@pytest.mark.parametrize(
    ("n_rows", "n_keys", "d_k", "d_v"), [(30, 30, 32, 32), (120, 120, 64, 64), (40, 100, 512, 512)]
)
def test_what_fits_is_as_large_as_it_is_said_to_be(
    n_rows: int, n_keys: int, d_k: int, d_v: int
) -> None:
    _, numbers = unpacked(sent(rows(n_rows, n_keys, d_k, d_v)))
    assert fits(n_rows, n_keys, d_k, d_v) == (len(numbers) <= MOST_BYTES)


def test_a_usual_sentence_is_sent_whole_and_the_longest_text_row_by_row() -> None:
    assert fits(30, 30, 32, 32)
    assert fits(120, 120, 64, 64)
    assert not fits(512, 512, 64, 64)
