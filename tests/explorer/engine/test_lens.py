"""What the layers hold is searched for as the reader chose, in the model that the reader changed."""

from pathlib import Path
from typing import Any

import pytest
import torch

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.lens.decoder_lens import lens_translations
from core.analysis.lens.logit_lens import logit_lens, ranks_of
from core.checkpoint.folder import save_checkpoint
from core.model import probing
from explorer.choice.choice import Run
from explorer.engine import lens, traces
from tests.checkpoints import write_checkpoint
from tests.explorer.apart import loaded
from tests.explorer.runs import CHANGES, RUN, SEARCHES
from tests.explorer.tiny import empty_caches

__all__ = ["empty_caches"]

ABLATED = RUN.replace(ablation="enc.L1=skip,dec.L2=skip")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose translations end sooner or later, so that a length penalty counts."""
    folder = tmp_path_factory.mktemp("checkpoints") / "brief"
    checkpoint = write_checkpoint(folder)
    with torch.no_grad():
        checkpoint.model.embedding.weight[checkpoint.config.end_id] *= 1.5
    save_checkpoint(checkpoint, folder)
    return folder


def by_depth(folder: Path, run: Run) -> list[str]:
    """What the decoder makes of each depth, computed without the app."""
    model, vocabulary = (checkpoint := loaded(folder).checkpoint).model, checkpoint.vocabulary
    edits = [ablating(model, [Ablation.parse(run.ablation)])] if run.ablation else []
    with probing(model, *edits):
        return [
            lens_translations(model, vocabulary, [run.text], depth, run.search)[0]
            for depth in range(3)
        ]


@pytest.mark.parametrize(("run", "change"), [CHANGES[name] for name in SEARCHES], ids=SEARCHES)
def test_each_depth_is_searched_as_the_reader_chose(
    folder: Path, run: Run, change: dict[str, Any]
) -> None:
    expected, plain = by_depth(folder, run.replace(**change)), by_depth(folder, run)
    assert expected != plain
    changed = run.replace(**change)
    assert lens.translations_by_depth(folder, run, traces.trace(folder, run)) == plain
    assert lens.translations_by_depth(folder, changed, traces.trace(folder, changed)) == expected


def test_each_depth_is_of_the_changed_model(folder: Path) -> None:
    shown = traces.trace(folder, ABLATED)
    assert by_depth(folder, ABLATED) != by_depth(folder, RUN)
    assert lens.translations_by_depth(folder, ABLATED, shown) == by_depth(folder, ABLATED)
    model, vocabulary = (checkpoint := loaded(folder).checkpoint).model, checkpoint.vocabulary
    with probing(model, ablating(model, [Ablation.parse(ABLATED.ablation)])):
        read, ranks = logit_lens(model, vocabulary, shown), ranks_of(model, shown, 300)
    assert lens.logit_lens(folder, ABLATED, shown).names == read.names
    assert lens.ranks_of(folder, ABLATED, shown, 300).tolist() == ranks.tolist()
    assert ranks_of(model, shown, 300).tolist() != ranks.tolist()
