"""What is bundled of Table 3 is what its table and its page say."""

import dataclasses
import hashlib
import re
from pathlib import Path

import pytest

from core.experiments.table3.presets import PaperResult
from core.experiments.table3.report import report
from core.experiments.table3.rows import TEST, TRAINING, VALIDATION, VOCABULARY_SIZE
from core.experiments.table3.table import (
    TABLE,
    DifferenceToBase,
    IntervalScore,
    Sizes,
    Table,
    TableRow,
    VariantScores,
    read_table,
    require_different_weights,
    untrained,
)

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "checkpoints" / "table3"
PAGE = (ROOT / "docs" / "table3.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def table() -> Table:
    if (FOLDER / TABLE).is_file():
        return read_table(FOLDER / TABLE)
    return untrained(
        width="1/4",
        depth="1/2",
        vocabulary_size=VOCABULARY_SIZE,
        training=TRAINING,
    )


def test_the_page_and_the_readme_print_the_table(table: Table) -> None:
    for text, expected in ((PAGE, report(table, "markdown")), (README, report(table, "short"))):
        block = re.search(r"<!-- table: begin -->\n(.*?)\n<!-- table: end -->", text, re.DOTALL)
        assert block
        assert block[1] == expected, "run scripts/renew-table3"


def test_the_readme_says_how_far_the_seeds_differ(table: Table) -> None:
    perplexity = table.seed_spread[VALIDATION]["perplexity"]
    bleu = table.seed_spread[TEST]["bleu"]
    assert f"({perplexity:.2f} in perplexity, {bleu:.2f} BLEU)" in README


@pytest.mark.parametrize(
    "kind",
    [
        PaperResult, Table, TableRow, Sizes, VariantScores, IntervalScore, DifferenceToBase,
    ],
)  # fmt: skip
def test_the_page_names_every_field(kind: type) -> None:
    schema = PAGE.split("## `table.json`")[1]
    for field in dataclasses.fields(kind):
        assert f"`{field.name}`" in schema, field.name


def test_every_finished_row_is_in_the_table(table: Table) -> None:
    finished = {file.parent.name for file in FOLDER.glob("*/metrics.json")}
    assert finished == {row.name for row in table.rows if row.measured}


def test_the_weights_are_those_of_the_table_and_all_different(table: Table) -> None:
    stored = {
        file.parent.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in FOLDER.glob("*/model.safetensors")
    }
    assert stored == {
        row.name: row.measured.weights_sha256
        for row in table.rows
        if row.measured and row.measured.weights_sha256
    }
    require_different_weights(table)
