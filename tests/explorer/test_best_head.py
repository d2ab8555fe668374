"""Which head opens first, and why."""

import json
from pathlib import Path

from core.config import write_json
from explorer.best_head import best_head
from explorer.engine import traces
from explorer.state import Run
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
    assert (best.layer, best.head, best.rows) == (2, 4, "consumed")
    assert "0.30 on 7" in best.reason


def test_without_a_measurement_the_reason_says_so(folder: Path) -> None:
    shown = traces.trace(folder, Run(text=SENTENCE))
    best = best_head(folder, shown)
    assert "no alignment was measured" in best.reason
    coverage = shown.weights["cross"][best.layer - 1, best.head - 1, :, :-1].max(0).mean()
    assert coverage == shown.weights["cross"][..., :-1].max(-2).mean(-1).max()
