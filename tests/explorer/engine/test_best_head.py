"""Which head opens first, and why."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead, clearest_head, heads_for_step
from core.analysis.heads.measures import ranked_heads
from core.config import KINDS, Kind
from core.system.files import write_json
from explorer.choice.choice import Run
from explorer.engine import traces
from explorer.engine.checkpoints import best_head
from tests.checkpoints import SENTENCE
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder"]


def test_the_measured_head_opens_first(folder: Path) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    alignment = {
        "layer": 2, "head": 4, "rows": "consumed", "alignment_error_rate": 0.3, "n_sentences": 7,
    }  # fmt: skip
    (folder / "metrics.json").write_text(write_json({"alignment": alignment}))
    best = best_head(folder, shown)
    (folder / "metrics.json").write_text(json.dumps({}))
    assert (best.place, best.rows) == (HeadPlace("cross", 1, 3), "consumed")
    assert "0.30 on 7" in best.reason


def test_a_late_head_names_the_one_that_looks_in_the_same_step(folder: Path) -> None:
    """The lowest error where the step writes the word: layer 3, head 1."""
    shown = traces.trace(folder, Run(text=SENTENCE))
    produced = np.full((3, 5), 0.9)
    produced[2, 0] = 0.5
    alignment = {
        "layer": 2, "head": 4, "rows": "consumed", "alignment_error_rate": 0.3, "n_sentences": 7,
        "error_rates": {"produced": produced.tolist(), "consumed": [[0.3] * 5] * 3},
    }  # fmt: skip
    for rows, first in (
        ("consumed", HeadPlace("cross", 2, 0)),
        ("produced", HeadPlace("cross", 1, 3)),
    ):
        (folder / "metrics.json").write_text(write_json({"alignment": {**alignment, "rows": rows}}))
        assert best_head(folder, shown).at_first == first
    (folder / "metrics.json").write_text(json.dumps({}))


def test_without_gold_the_head_that_agrees_with_itself_opens_first(folder: Path) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    produced = np.full((3, 5), 0.1)
    produced[2, 0] = 0.4
    alignment = {
        "layer": 2, "head": 4, "rows": "consumed", "agreement": 0.614, "n_sentences": 70,
        "agreements": {"produced": produced.tolist(), "consumed": [[0.3] * 5] * 3},
    }  # fmt: skip
    (folder / "metrics.json").write_text(write_json({"alignment": alignment}))
    best = best_head(folder, shown)
    (folder / "metrics.json").write_text(json.dumps({}))
    assert (best.place, best.at_first) == (HeadPlace("cross", 1, 3), HeadPlace("cross", 2, 0))
    assert "61 % of those of 70 sentences" in best.reason


@pytest.mark.parametrize(
    ("agreement", "label"),
    [
        (0.1, "best-covering"),
        (0.29, "best-covering"),
        (0.3, "best-aligned"),
        (0.31, "best-aligned"),
    ],
)
def test_a_head_that_links_less_than_three_words_in_ten_both_ways_aligns_nothing(
    folder: Path, agreement: float, label: str
) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    alignment = {
        "layer": 2, "head": 4, "rows": "consumed", "agreement": agreement, "n_sentences": 70,
        "agreements": {"produced": [[0.1] * 5] * 3, "consumed": [[0.1] * 5] * 3},
    }  # fmt: skip
    (folder / "metrics.json").write_text(write_json({"alignment": alignment}))
    best = best_head(folder, shown)
    (folder / "metrics.json").write_text(json.dumps({}))
    assert best.label == label


@pytest.mark.parametrize("kind", KINDS)
def test_the_clearest_head_points_most_at_text(folder: Path, kind: Kind) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    keys = shown.consumed if kind == "decoder" else shown.source.pieces
    text = [index for index, key in enumerate(keys) if key.kind != "special"]
    most = shown.weights[kind][..., text].max(-1).mean(-1)
    assert clearest_head(shown, kind).of({kind: most}) == most.max()


def test_without_a_measurement_the_reason_says_so(folder: Path) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    best = best_head(folder, shown)
    assert "which head aligns best was not measured" in best.reason
    coverage = best.place.of(shown.weights)[:, :-1].max(0).mean()
    assert coverage == shown.weights["cross"][..., :-1].max(-2).mean(-1).max()


def test_a_late_head_is_ranked_by_the_row_that_consumes_the_word(folder: Path) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    late = BestHead(HeadPlace("cross", 1, 2), rows="consumed", label="", reason="")
    for step in range(1, len(shown.steps)):
        found = heads_for_step(shown, late, step)
        assert len(found) == 3 * 5
        weights = [head.ranked.weight for head in found]
        assert weights == sorted(weights, reverse=True)
        for head in found:
            is_late = head.ranked.place == late.place
            assert head.step == step + is_late
            row = head.ranked.place.of(shown.weights)[head.step - 1]
            assert head.ranked.weight == row[:-1].max()


def test_a_late_head_says_nothing_of_the_last_step(folder: Path) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    late = BestHead(HeadPlace("cross", 1, 2), rows="consumed", label="", reason="")
    found = heads_for_step(shown, late, len(shown.steps))
    places = [head.ranked.place for head in found]
    assert len(places) == 3 * 5 - 1
    assert late.place not in places


def test_a_head_that_is_not_late_is_ranked_as_it_is(folder: Path) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    best = BestHead(HeadPlace("cross", 1, 2), rows="produced", label="", reason="")
    found = heads_for_step(shown, best, 3)
    assert tuple(head.ranked for head in found) == ranked_heads(shown, 2)
    assert {head.step for head in found} == {3}
