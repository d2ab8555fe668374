"""docs/claims.md and docs/scale.md say what the commands print."""

from pathlib import Path

import pytest

from core.checkpoint.bundled import SOURCES
from core.cli import main

FILE = Path(__file__).parents[1] / "docs" / "claims.md"


def test_the_page_prints_the_findings(capsys: pytest.CaptureFixture[str]) -> None:
    main([
        "claims", "--checkpoint", str(SOURCES / "en-de"), "--trained", str(SOURCES / "table3" / "base"),
        "--table3", str(SOURCES / "table3"), "--format", "markdown",
    ])  # fmt: skip
    block = (
        FILE.read_text()
        .partition("<!-- claims: begin -->\n")[2]
        .partition("<!-- claims: end -->")[0]
    )
    assert block.strip() == capsys.readouterr().out.strip()


def test_the_page_of_costs_prints_the_formulas(capsys: pytest.CaptureFixture[str]) -> None:
    main(["info", "--presets", "--costs"])
    page = FILE.with_name("scale.md").read_text()
    block = page.partition("<!-- costs: begin -->\n")[2].partition("<!-- costs: end -->")[0]
    assert block.strip() == f"```\n{capsys.readouterr().out.strip()}\n```"
