"""Second attempts are searched for as the reader chose, and scored by the same model."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.trace.trace import Trace
from core.checkpoint.folder import Checkpoint, save_checkpoint
from explorer.choice.choice import Run
from explorer.engine import second_attempts
from tests.core.training.score.two_attempts import drafting_model, vocabulary
from tests.explorer.apart import loaded
from tests.explorer.runs import CHANGES, SEARCHES
from tests.explorer.tiny import empty_caches

__all__ = ["empty_caches"]

DRAFT = tuple(vocabulary().target.encode("Der Mann sieht ein Haus."))
VARIED = [*SEARCHES, "text", "ablation"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that reads drafts."""
    folder = tmp_path_factory.mktemp("checkpoints") / "drafting"
    save_checkpoint(Checkpoint(drafting_model(1, max_positions=256).float(), vocabulary()), folder)
    return folder


def apart(folder: Path, run: Run, draft: tuple[int, ...], prefix: tuple[int, ...] = ()) -> Trace:
    """An attempt with a draft, made without the app."""
    translator = loaded(folder)
    model = translator.checkpoint.model
    edits = [ablating(model, [Ablation.parse(run.ablation)])] if run.ablation else []
    search = dataclasses.replace(run.search, max_extra_pieces=200) if prefix else run.search
    return translator.trace(run.text, search, prefix, edits, draft)


@pytest.mark.parametrize(("run", "change"), [CHANGES[name] for name in VARIED], ids=VARIED)
def test_a_second_attempt_is_made_as_the_reader_chose(
    folder: Path, run: Run, change: dict[str, Any]
) -> None:
    changed = run.replace(**change)
    plain, expected = apart(folder, run, DRAFT), apart(folder, changed, DRAFT)
    assert expected.found != plain.found
    assert second_attempts.second_attempt(folder, run, DRAFT).found == plain.found
    found = second_attempts.second_attempt(folder, changed, DRAFT)
    assert found.found == expected.found
    written = tuple(piece.id for piece in found.target.pieces)
    without = [step.log_probability_nats for step in apart(folder, changed, (), written).steps]
    np.testing.assert_allclose(
        second_attempts.nats_without(folder, changed, found), without, rtol=1e-5
    )
