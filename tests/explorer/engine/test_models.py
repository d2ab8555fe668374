"""A model under a run's change; torch comes with the first model, with one thread."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.choice.choice import Run
from explorer.engine import traces
from explorer.engine.analyses import head_effects, self_check
from explorer.engine.checkpoints import metrics
from explorer.engine.models import is_loaded
from explorer.engine.traces import EXAMPLE
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder"]


def test_an_ablation_of_a_head_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="there is no head 9"):
        traces.trace(folder, Run(text=SENTENCE, ablation="cross.L1H9=0"))


def test_a_folder_that_is_replaced_is_shown_as_it_is_now(tmp_path: Path) -> None:
    run = Run(text=SENTENCE)
    for n_heads in (3, 5):
        write_checkpoint(tmp_path, n_heads=n_heads, metrics={"n": n_heads})
        assert not is_loaded(tmp_path)
        shown = traces.trace(tmp_path, run)
        assert is_loaded(tmp_path)
        assert shown.weights["cross"].shape[1] == n_heads
        assert head_effects(tmp_path, run, shown)["cross"].shape[1] == n_heads
        assert all(check.passed for check in self_check(tmp_path, run, shown))
        assert metrics(tmp_path) == {"n": n_heads}
        shown.save(tmp_path / EXAMPLE)
        example = traces.example(tmp_path)
        assert example
        assert example.weights["cross"].shape[1] == n_heads
        (tmp_path / EXAMPLE).unlink()


def test_means_that_were_never_measured_are_asked_for(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"means\.npz"):
        traces.trace(folder, Run(text=SENTENCE, ablation="cross.L1H1=mean"))


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "expected"), [(None, "1"), ("2", "2")])
def test_the_app_asks_for_one_thread_unless_told_otherwise(
    asked: str | None, expected: str
) -> None:
    """Before torch is there: it reads the variable once."""
    check = (
        "import os, sys; from streamlit.testing.v1 import AppTest; "
        "page = AppTest.from_file('explorer/app.py', default_timeout=60).run(); "
        "import torch; print(os.environ['OMP_NUM_THREADS'], torch.get_num_threads())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    finished = subprocess.run(
        [sys.executable, "-c", check],
        env={**environment, **({"OMP_NUM_THREADS": asked} if asked else {})},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.split() == [expected, expected]
