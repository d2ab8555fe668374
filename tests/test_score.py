"""What README and docs/score.md print of the bundled experiments is what was measured."""

import re
from pathlib import Path

import numpy as np
import pytest

from core.checkpoint.bundled import SOURCES
from core.checkpoint.card import BEGIN, END
from core.checkpoint.folder import load_checkpoint
from core.evaluation.rewards import REWARDS
from core.text.addition import addends
from core.training.score.methods import METHODS
from core.training.score.report import NOTE, report
from core.training.score.results import read_points, read_results

ROOT = Path(__file__).parents[1]
FOLDERS = sorted((SOURCES / "score").iterdir())
ADDITION = read_results(SOURCES / "score" / "addition")


def tables(file: str, name: str) -> str:
    text = (ROOT / file).read_text("utf-8")
    found = re.search(f"<!-- {name}: begin -->\n(.*?)\n<!-- {name}: end -->", text, re.DOTALL)
    assert found, f"{file} has no place for {name}"
    return found[1]


def printed(format_: str) -> str:
    """The report without its title and its note, which the text around it says."""
    return report(ADDITION.rows, format_).partition("\n\n")[2].removesuffix(f"\n\n{NOTE}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "format_"), [("README.md", "short"), ("docs/score.md", "markdown")]
)
def test_a_document_has_the_table_that_the_command_prints(file: str, format_: str) -> None:
    assert tables(file, "additions") == printed(format_)


def methods() -> str:
    """A line for each method."""
    return "\n".join(
        f"- **{method.title}** (`{name}`): {method.about}" for name, method in METHODS.items()
    )


def test_a_document_says_what_each_method_is() -> None:
    assert tables("docs/score.md", "methods") == methods()


def test_numbers_in_the_prose_are_those_of_the_table() -> None:
    prose = (ROOT / "docs" / "score.md").read_text("utf-8").partition("### What agrees")[2]
    prose = prose.partition("## Translation")[0]
    of = {row.method: row for row in ADDITION.rows}
    known = {f"{value:.1f}" for row in ADDITION.rows for value in (
        row.accuracy.first.value, row.accuracy.second.value, abs(row.accuracy.delta.value),
        *map(abs, row.accuracy.delta.interval_95), row.accuracy.to_incorrect.value,
        *(share.value for share in row.controls.values()),
        *(abs(number) for each in [row.beside_score] if each for number in (each.value, *each.interval_95)),
    )}  # fmt: skip
    known |= {f"{max(of['score'].deltas) - min(of['score'].deltas):.1f}"}
    paper = {"11.2"}
    assert set(re.findall(r"\d+\.\d", prose)) - known - paper == set()
    assert of["score"].accuracy.delta.value == pytest.approx(5.7, abs=0.05)


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
