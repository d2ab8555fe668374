"""What a row of Table 3 changes, in words that hold for the paper's sizes and for ours."""

import pytest

from core.experiments.table3.presets import PRESETS
from explorer.app_pages.table3.changes import change_in_words, changed_sizes
from explorer.app_pages.table3.rows import row_named
from explorer.engine.table3 import PaperAndOurs
from tests.explorer.families import family

__all__ = ["family"]

SAID = {
    "base": "The base model",
    "A-h1": "1 head instead of 8",
    "A-h32": "32 heads instead of 8",
    "B-dk16": "A quarter of the key size",
    "B-dk32": "Half the key size",
    "C-N2": "A third of the layers",
    "C-N4": "Two thirds of the layers",
    "C-N8": "A third more layers",
    "C-d256": "Half the width",
    "C-d1024": "Twice the width",
    "C-ff1024": "Half the feed-forward width",
    "D-drop0.0": "No dropout",
    "D-drop0.2": "Twice the dropout",
    "D-ls0.0": "No label smoothing",
    "E-learned": "Learned positions",
    "big": "Twice the width, twice the feed-forward width, 16 heads instead of 8, three times the "
    "dropout",
    "base-N6": "Twice the layers",
    "fixed-heads": "7 of 8 encoder heads fixed to positions",
    "base-seed2": "Other random numbers (seed 2)",
}


@pytest.mark.parametrize("name", SAID)
def test_a_row_is_named_by_its_ratio_to_base(family: PaperAndOurs, name: str) -> None:
    row, base = row_named(family.ours.rows, name), row_named(family.ours.rows, "base")
    said = change_in_words(row.sizes, base.sizes, seed=row.seed, base_seed=base.seed)
    assert said == SAID[name]


@pytest.mark.parametrize("name", PRESETS)
def test_the_words_are_the_same_at_the_papers_size(family: PaperAndOurs, name: str) -> None:
    said = [
        change_in_words(
            row_named(rows, name).sizes, row_named(rows, "base").sizes, seed=1, base_seed=1
        )
        for rows in (family.paper.rows, family.ours.rows)
    ]
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("name", "paper", "ours"),
    [
        ("A-h1", "h 1", "h 1"),
        ("B-dk16", "d_k 16", "d_k 4"),
        ("C-N2", "N 2", "N 1"),
        ("big", "d_model 1024 …", "d_model 256 …"),
        ("base", "", ""),
        ("E-learned", "", ""),
    ],
)
def test_sizes_are_each_tables_own(family: PaperAndOurs, name: str, paper: str, ours: str) -> None:
    for rows, expected in ((family.paper.rows, paper), (family.ours.rows, ours)):
        found = changed_sizes(row_named(rows, name).sizes, row_named(rows, "base").sizes)
        assert found == expected
