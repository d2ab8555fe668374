"""What makes a row of Table 3, and what a difference means."""

import dataclasses

import pytest

from core.experiments.table3.report import trained_with
from explorer.app_pages.table3.rows import judgement, row_named
from explorer.engine.table3 import PaperAndOurs
from tests.core.tables import made_up_table
from tests.explorer.families import family

__all__ = ["family"]


@pytest.mark.parametrize(
    ("name", "verdict", "means"),
    [
        ("perplexity", "lower", "better"),
        ("perplexity", "higher", "worse"),
        ("bleu", "higher", "better"),
        ("bleu", "lower", "worse"),
        ("bleu", "no difference shown", "same"),
        ("bleu", "not judged yet", "unjudged"),
    ],
)
def test_a_verdict_says_what_it_means(name, verdict, means) -> None:  # type: ignore[no-untyped-def]
    comparison = made_up_table().rows[1].measured.against_base["multi30k-val"]["bleu"]  # type: ignore[union-attr]
    assert judgement(dataclasses.replace(comparison, verdict=verdict), name) == means


def test_what_makes_a_row_is_told_in_the_papers_letters(family: PaperAndOurs) -> None:
    rows = family.ours.rows
    base = row_named(rows, "base").sizes
    said = {row.name: trained_with(row.sizes, base) for row in rows}
    assert said["base"] == "the sizes of base"
    assert said["A-h1"] == "h = 1, d_k = 128, d_v = 128"
    assert said["D-ls0.2"] == "ε_ls = 0.2"
    assert said["E-learned"] == "positions = learned"
