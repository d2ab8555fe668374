"""What README and docs/score.md print of the bundled experiments is what was measured."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint.bundled import SOURCES
from core.checkpoint.card import BEGIN, END
from core.checkpoint.folder import load_checkpoint
from core.evaluation.rewards import REWARDS
from core.text.addition import addends
from core.training.score.methods import METHODS
from core.training.score.report import NOTE, Row, report
from core.training.score.results import read_points, read_results
from core.training.score.task import ADDITION_MODEL

ROOT = Path(__file__).parents[1]
FOLDERS = sorted((SOURCES / "score").iterdir())
ADDITION, TRANSLATION = (
    read_results(SOURCES / "score" / name) for name in ("addition", "translation")
)
FIRST_TEXT = "multi30k-test2016"


def tables(file: str, name: str) -> str:
    text = (ROOT / file).read_text("utf-8")
    found = re.search(f"<!-- {name}: begin -->\n(.*?)\n<!-- {name}: end -->", text, re.DOTALL)
    assert found, f"{file} has no place for {name}"
    return found[1]


def printed(rows: Sequence[Row], format_: str) -> str:
    """The report without its note, which the text around it says, and of one text without its name."""
    whole = report(rows, format_).removesuffix(f"\n\n{NOTE}")  # type: ignore[arg-type]
    return whole.partition("\n\n")[2] if len({row.text for row in rows}) == 1 else whole


TABLES = {
    ("README.md", "additions"): (ADDITION.rows, "short"),
    ("docs/score.md", "additions"): (ADDITION.rows, "markdown"),
    ("docs/score.md", "translation"): (
        [row for row in TRANSLATION.rows if row.text == FIRST_TEXT], "markdown",
    ),
    ("docs/score.md", "other texts"): (
        [row for row in TRANSLATION.rows if row.text != FIRST_TEXT], "short",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "name"), TABLES)
def test_a_document_has_the_table_that_the_command_prints(file: str, name: str) -> None:
    assert tables(file, name) == printed(*TABLES[file, name])


def methods() -> str:
    """A line for each method."""
    return "\n".join(
        f"- **{method.title}** (`{name}`): {method.about}" for name, method in METHODS.items()
    )


def test_a_document_says_what_each_method_is() -> None:
    assert tables("docs/score.md", "methods") == methods()


def numbers_of(rows: Sequence[Row]) -> set[str]:
    """What prose about rows may say, to one decimal and without a sign."""
    spread = [max(row.deltas) - min(row.deltas) for row in rows if row.method == "score"]
    return {f"{abs(value):.1f}" for row in rows for value in (
        row.accuracy.first.value, row.accuracy.second.value, row.accuracy.delta.value,
        *row.accuracy.delta.interval_95, row.accuracy.to_incorrect.value, row.accuracy.to_correct.value,
        *(share.value for share in row.controls.values()), *spread, *(row.bleu or ()), *(row.chrf or ()),
        *(number for each in (row.beside_score, row.first_gain) if each
          for number in (each.value, *each.interval_95)),
    )}  # fmt: skip


@pytest.mark.parametrize(
    ("begin", "end", "rows"),
    [
        ("### What agrees", "## Translation", ADDITION.rows),
        ("### What came out", "## How far", TRANSLATION.rows),
    ],
)
def test_numbers_in_the_prose_are_those_of_the_table(
    begin: str, end: str, rows: Sequence[Row]
) -> None:
    prose = (ROOT / "docs" / "score.md").read_text("utf-8").partition(begin)[2].partition(end)[0]
    paper = {"11.2", "4.4", "60.0", "64.4"}
    assert set(re.findall(r"\d+\.\d", prose)) - numbers_of(rows) - paper == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_bundled_model_is_what_its_numbers_say(folder: Path) -> None:
    results, points = read_results(folder), read_points(folder)
    for name, method in results.models.items():
        assert load_checkpoint(folder / name).config.takes_drafts
        for text in results.texts:
            row, of_first_seed = results.row(text, method), points[text, method]
            if len(row.seeds) == 1:
                share = 100 * (of_first_seed.first >= np.float32(results.is_right)).mean()
                assert share == pytest.approx(row.accuracy.first.value, abs=0.2)
            delta = 100 * (
                (of_first_seed.second >= np.float32(results.is_right)).mean()
                - (of_first_seed.first >= np.float32(results.is_right)).mean()
            )
            assert delta == pytest.approx(row.deltas[0], abs=0.2)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_card_prints_the_models_rows_beside_those_of_base(folder: Path) -> None:
    results = read_results(folder)
    for name, method in results.models.items():
        card = load_checkpoint(folder / name).card
        rows = [row for row in results.rows if row.method in ("base", method)]
        assert f"{BEGIN}\n{report(rows, 'markdown')}\n{END}" in card


def test_examples_of_sums_have_their_results() -> None:
    assert REWARDS[ADDITION.reward] is REWARDS["exact"]
    for example in ADDITION.examples:
        numbers = addends(example.source)
        assert numbers
        assert str(sum(numbers)) == example.reference


def test_the_bundled_models_of_additions_are_those_that_the_command_trains() -> None:
    """But for the two marks that a model which reads drafts learns beside its vocabulary."""
    trained = load_checkpoint(SOURCES / "score" / "addition" / "base").config.to_json()
    marks = {"vocabulary_size", "separator_id", "retry_id"}
    for name, value in ADDITION_MODEL.to_json().items():
        if name not in marks:
            assert trained[name] == value, name
    assert trained["vocabulary_size"] == ADDITION_MODEL.vocabulary_size + 2
