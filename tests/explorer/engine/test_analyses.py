"""Checks and sweeps look at the model as it was for the run."""

from pathlib import Path

import numpy as np
import pytest

from explorer.choice.choice import Run
from explorer.engine import traces
from explorer.engine.analyses import head_effects, self_check
from tests.checkpoints import SENTENCE
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder"]


@pytest.mark.parametrize("ablation", ["pos=off", "pos=shift:7", "dec.pos=scale:0.5"])
def test_a_changed_run_is_checked_and_swept_under_its_change(folder: Path, ablation: str) -> None:
    run = Run(text=SENTENCE, ablation=ablation)
    shown = traces.trace(folder, run)
    assert all(check.passed for check in self_check(folder, run, shown))
    wrong = self_check(folder, Run(text=SENTENCE), shown)  # as if nothing had been changed
    assert not all(check.passed for check in wrong)
    with_it, without = (head_effects(folder, r, shown) for r in (run, Run(text=SENTENCE, seed=9)))
    assert not np.allclose(with_it["cross"], without["cross"], rtol=0, atol=1e-6)
