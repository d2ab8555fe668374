"""What docs/heads.md says of the bundled model's heads is what was measured."""

import re
from pathlib import Path

import numpy as np
import pytest

from core.analysis.effects.corpus_results import CorpusEffects, read_sweep
from core.analysis.effects.pruning_results import Pruning, read_pruning
from core.analysis.effects.tables import findings
from core.checkpoint.folder import load_checkpoint
from core.checkpoint.weights import weights_hash

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "checkpoints" / "en-de"
PAGE = (ROOT / "docs" / "heads.md").read_text("utf-8")


@pytest.fixture(scope="module")
def swept() -> CorpusEffects:
    swept = read_sweep(FOLDER)
    assert swept
    return swept


@pytest.fixture(scope="module")
def pruning() -> Pruning:
    pruning = read_pruning(FOLDER)
    assert pruning
    return pruning


def test_the_page_prints_the_findings() -> None:
    block = re.search(r"<!-- heads: begin -->\n(.*?)\n<!-- heads: end -->", PAGE, re.DOTALL)
    assert block
    assert block[1] == findings(FOLDER), "run scripts/renew-heads"


def test_both_were_measured_of_these_weights_on_the_same_text(
    swept: CorpusEffects, pruning: Pruning
) -> None:
    assert swept.weights_hash == pruning.weights_hash
    assert swept.weights_hash == weights_hash(load_checkpoint(FOLDER).model)
    assert swept.data_hash == pruning.data_hash != pruning.importance_data_hash


def test_perplexity_rises_without_as_many_heads_as_the_page_says(swept: CorpusEffects) -> None:
    intervals = [
        effect.differences["perplexity"].interval_95 for effect in swept.heads_left_out().values()
    ]
    rises, falls = sum(low > 0 for low, _ in intervals), sum(high < 0 for _, high in intervals)
    assert falls == 0
    assert f"Perplexity rises without {rises} heads and falls without none" in PAGE


def test_the_readme_says_what_the_best_aligned_head_is_worth(swept: CorpusEffects) -> None:
    worst = next(iter(swept.heads_left_out().values())).differences["bleu"]
    low, high = worst.interval_95
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"BLEU falls by {-worst.value:.1f} [{-high:.1f}, {-low:.1f}]" in readme


def rank_correlation(one: list[float], other: list[float]) -> float:
    """Spearman's ρ."""
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def test_importance_goes_with_what_leaving_a_head_out_costs(
    swept: CorpusEffects, pruning: Pruning
) -> None:
    left_out = swept.heads_left_out()
    raw, divided = [], []
    for head in left_out:
        layer = pruning.importance[head.kind][head.layer]
        raw.append(float(layer[head.head]))
        divided.append(float(layer[head.head] / np.linalg.norm(layer)))
    costs = {
        name: [sign * effect.differences[name].value for effect in left_out.values()]
        for name, sign in (("perplexity", 1), ("bleu", -1))
    }
    said = [
        f"{rank_correlation(importance, costs[name]):.2f}"
        for name in ("perplexity", "bleu")
        for importance in (raw, divided)
    ]
    sentence = "ρ over the 96 heads is {}, and {} when divided; with ΔBLEU it is {} and {},"
    assert sentence.format(*said) in PAGE


def test_the_page_on_alignment_prints_what_the_checkpoint_holds() -> None:
    """Every layer with its interval, and the best single head by weights."""
    alignment = load_checkpoint(FOLDER).metrics["alignment"]
    page = (ROOT / "docs" / "alignment.md").read_text("utf-8")
    block = re.search(r"<!-- alignment: begin -->\n(.*?)\n<!-- alignment: end -->", page, re.DOTALL)
    assert block
    _, _, *lines, best = [line.strip("| ").split(" | ") for line in block[1].splitlines()]
    readings = [
        (values, step) for values in ("weights", "norms") for step in ("produced", "consumed")
    ]
    for number, (name, *cells) in enumerate(lines):
        assert name == str(number + 1)
        for (values, step), cell in zip(readings, cells, strict=True):
            value, low, high = (100 * each for each in alignment["layers"][values][step][number])
            assert cell == f"{value:.1f} [{low:.1f}, {high:.1f}]"
    for step, cell in zip(("produced", "consumed"), best[1:3], strict=True):
        rates = np.array(alignment["error_rates"][step])
        layer, head = np.unravel_index(rates.argmin(), rates.shape)
        assert cell.startswith(f"L{layer + 1}H{head + 1} {100 * rates.min():.1f} [")
    assert f"alignment error rate {alignment['alignment_error_rate']:.2f}" in PAGE
