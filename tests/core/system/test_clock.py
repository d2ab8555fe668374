"""A clock that is set back, or forward, changes no result: not of trainings, caches, saves or pages."""

import contextlib
import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from core.analysis.result_cache import DiskCache
from core.checkpoint.side_files import HISTORY, METRICS, read_history
from core.model import Transformer
from core.system.files import LONGEST_WRITE_S, write_json, write_whole
from core.training.run_folder import RunFolder
from core.training.trainer import Trainer
from explorer.engine.checkpoints import languages
from tests.checkpoints import write_checkpoint
from tests.core.helpers import random_corpus
from tests.core.processes import small_trainer

YEAR_S = 31_557_600.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes back by a year whenever it is asked."""
    asked: list[float] = []

    def back() -> float:
        asked.append(1.7e9 - YEAR_S * len(asked))
        return asked[-1]

    monkeypatch.setattr(time, "time", back)


def set_times(folder: Path, years: float) -> None:
    for file in folder.rglob("*"):
        os.utime(file, (1.7e9 + years * YEAR_S,) * 2)


def trained(folder: Path) -> tuple[Trainer, list[dict[str, object]]]:
    trainer = small_trainer(
        folder, random_corpus(31), n_steps=6, validate_every=2, save_every_s=1e-9
    )
    trainer.report_every = 2
    trainer.train()
    return trainer, list(read_history(folder / HISTORY))


def test_a_training_goes_on_whatever_the_clock_says(
    tmp_path: Path, clock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, expected = trained(tmp_path / "alone")
    step = Trainer.step

    def killed(self: Trainer, batch: object, number: int) -> object:
        if number == 5:
            raise KeyboardInterrupt
        return step(self, batch, number)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "step", killed)
    with contextlib.suppress(KeyboardInterrupt):
        trained(tmp_path / "run")
    monkeypatch.setattr(Trainer, "step", step)
    assert RunFolder(tmp_path / "run").saved_step() == 4
    set_times(tmp_path / "run", years=20)
    again, found = trained(tmp_path / "run")
    times = ("elapsed_s", "tokens_per_s")
    for one, other in zip(expected, found, strict=True):
        assert {k: v for k, v in one.items() if k not in times} == {
            k: v for k, v in other.items() if k not in times
        }
    assert all(line.get("tokens_per_s", 1) > 0 for line in found)  # type: ignore[operator]
    for weight, same in zip(alone.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(weight, same)


@pytest.mark.parametrize("years", [-20, 20])
def test_a_result_is_known_whenever_it_was_stored(
    tmp_path: Path, model: Transformer, years: float, clock: None
) -> None:
    cache = DiskCache(model, tmp_path)
    cache.kept({"what": 1}, lambda: {"a": np.ones(3)})
    set_times(tmp_path, years)
    again = DiskCache(model, tmp_path).kept({"what": 1}, lambda: pytest.fail("computed again"))
    assert again["a"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("age_s", "is_left"), [(-YEAR_S, True), (0, True), (2 * LONGEST_WRITE_S, False)]
)
def test_what_another_host_may_still_write_stays(
    tmp_path: Path, age_s: float, is_left: bool
) -> None:
    """Its clock may be ahead; what is a day old is left over."""
    assert socket.gethostname() != "elsewhere"
    other = tmp_path / ".a.json.partial-elsewhere-7-7"
    other.write_text("half")
    os.utime(other, (time.time() - age_s,) * 2)
    write_whole(tmp_path / "a.json", "whole")
    assert other.exists() == is_left
    assert (tmp_path / "a.json").read_text() == "whole"


@pytest.mark.parametrize("years", [-1, 1])
def test_a_page_sees_a_file_that_is_older_than_the_one_it_replaces(
    tmp_path: Path, years: float
) -> None:
    write_checkpoint(tmp_path / "tiny", metrics={"languages": ["English", "German"]})
    assert languages(tmp_path / "tiny") == ("English", "German")
    write_whole(tmp_path / "tiny" / METRICS, write_json({"languages": ["English", "French"]}))
    set_times(tmp_path, years)
    assert languages(tmp_path / "tiny") == ("English", "French")
