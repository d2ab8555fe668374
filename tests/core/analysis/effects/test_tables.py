"""What was measured of heads, as tables: every number where its header says."""

from pathlib import Path

import pytest

from core.analysis.effects.corpus_results import SWEEP
from core.analysis.effects.tables import findings
from tests.core.measurements import write_measurements


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_measurements(tmp_path)
    return tmp_path


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]


def test_of_each_kind_the_most_and_the_least_missed_are_named(folder: Path) -> None:
    found = {(row[0], row[1]): row[2:] for row in rows(findings(folder))}
    assert found["enc.L1H2", "most"] == [
        "-4.00 [-4.50, -3.50]", "-8.00 [-8.50, -7.50]", "+4.00 [+3.50, +4.50]",
    ]  # fmt: skip
    named = [place for place, missed in found if missed in {"most", "least"}]
    assert named == [
        "enc.L1H2", "enc.L1H7", "enc.L1H5", "enc.L1H6", "enc.L1H1", "enc.L1H4",
        "dec.L1H2", "dec.L1H1", "cross.L1H1",
    ]  # fmt: skip


def test_heads_are_counted_by_their_intervals(folder: Path) -> None:
    said = findings(folder)
    assert "BLEU falls without 4 of 10 heads and rises without 1. Even if" in said
    assert "### Without one head: BLEU 38.00 with all, 1,000 sentences" in said


def test_the_curves_stand_side_by_side(folder: Path) -> None:
    found = rows(findings(folder))
    assert ["5", "50%", "37.5 [36.5, 38.5]", "20.0, 21.5"] in found
    assert "50% of the heads can go before BLEU falls by 1." in findings(folder)


def test_what_is_not_measured_is_named(folder: Path) -> None:
    (folder / SWEEP).unlink()
    with pytest.raises(ValueError, match=r"lacks sweep\.json or pruning\.json; make them with"):
        findings(folder)
