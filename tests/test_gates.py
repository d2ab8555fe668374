"""docs/gates.md says what is stored of gates with the bundled models."""

from pathlib import Path

import pytest

from core.checkpoint.bundled import SOURCES
from core.checkpoint.folder import load_checkpoint
from core.checkpoint.weights import weights_hash
from core.config import KINDS
from core.evaluation.ratios import Estimate
from core.experiments.gates.results import GateResults, read_gates
from core.system.text_tables import markdown_table

FILE = Path(__file__).parents[1] / "docs" / "gates.md"
FOLDERS = {"base": SOURCES / "table3" / "base", "en-de": SOURCES / "en-de"}


def gates_table(found: GateResults) -> str:
    """A line for each price: heads left, of each kind by layer, and the scores."""
    header = ("price", "heads left", *(f"{kind} by layer" for kind in KINDS), "BLEU", "perplexity",
              "BLEU from scratch")  # fmt: skip
    rows = [
        (
            f"{point.penalty:g}",
            str(point.n_kept()),
            *(
                f"{point.n_kept(kind)}: {' '.join(str(int(n)) for n in (point.gates[kind] > 0).sum(1))}"
                for kind in KINDS
            ),
            cell(point.bleu),
            f"{point.perplexity:.2f}",
            cell(point.scratch_bleu) if point.scratch_bleu else "",
        )
        for point in found.points
    ]
    return markdown_table([header, *rows])


def cell(estimate: Estimate) -> str:
    low, high = estimate.interval_95
    return f"{estimate.value:.1f} [{low:.1f}, {high:.1f}]"


@pytest.mark.parametrize("name", FOLDERS)
def test_the_page_prints_what_is_stored(name: str) -> None:
    checkpoint = load_checkpoint(FOLDERS[name])
    found = read_gates(FOLDERS[name], checkpoint.config)
    assert found
    assert found.weights_hash == weights_hash(checkpoint.model)
    page = FILE.read_text("utf-8")
    block = page.partition(f"<!-- gates of {name}: begin -->\n")[2]
    block = block.partition(f"<!-- gates of {name}: end -->")[0]
    assert block.strip() == gates_table(found).strip()
    assert f"Before: BLEU {cell(found.before)}" in page
    assert f"{found.n_steps:,} steps" in page
