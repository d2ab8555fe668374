"""A model under a run's change; torch comes with the first model, with one thread."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import streamlit as st

import core
from core.checkpoint.required import CheckpointError
from core.translator import Translator
from explorer.choice.choice import Run
from explorer.engine import models, traces
from explorer.engine.analyses import head_effects, self_check
from explorer.engine.checkpoints import metrics
from explorer.engine.folder_version import as_first_seen, folder_version
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


def test_a_model_that_is_replaced_while_it_is_read_is_not_kept_as_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results would be kept, on disk as well, under the version of the other model."""
    write_checkpoint(tmp_path, n_heads=3)
    really_load = core.load

    def load_late(folder: Path, *, step: int | None) -> Translator:
        write_checkpoint(folder, n_heads=5)
        return really_load(folder, step=step)

    with as_first_seen():
        folder_version(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(core, "load", load_late)
            with pytest.raises(CheckpointError, match="replaced by another model while"):
                models.load(tmp_path)
        assert not is_loaded(tmp_path)
    assert models.load(tmp_path).checkpoint.model.config.n_heads == 5


def test_models_are_kept_up_to_a_size_and_the_last_one_in_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    size = sum(
        each.nbytes for each in write_checkpoint(one).model.state_dict().values()
    )  # all are alike
    write_checkpoint(two)
    write_checkpoint(three)
    monkeypatch.setattr(models, "MOST_MODEL_BYTES", 2 * size)
    first, _ = models.load(one), models.load(two)
    assert models.load(one) is first
    models.load(three)
    assert [models.is_loaded(each) for each in (one, two, three)] == [True, False, True]
    st.cache_resource.clear()
    monkeypatch.setattr(models, "MOST_MODEL_BYTES", size // 2)
    assert models.load(two) is models.load(two)
    models.load(three)
    assert not models.is_loaded(two)


def test_visitors_who_come_at_once_share_one_model(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(models.load, [folder] * 4))
    assert len({id(each) for each in found}) == 1


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
