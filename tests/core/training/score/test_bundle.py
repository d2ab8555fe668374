"""A bundle holds the experiment's numbers and models, and no line of its texts."""

import dataclasses
import json

import numpy as np
import pytest

from core.checkpoint.folder import Checkpoint, load_checkpoint, save_checkpoint
from core.training.score.bundle import Bundle
from core.training.score.record import CONTROLS, Attempted
from core.training.score.report import read_attempts, rows
from core.training.score.results import (
    POINTS,
    RESULTS,
    Example,
    read_points,
    read_results,
)
from tests.core.training.score.two_attempts import drafting_model, vocabulary

REFERENCES = ("Der alte Mann liest.", "Die Frau singt ein Lied.", "Zwei Hunde laufen.")
BASE = Attempted(
    REFERENCES, ("Der Mann liest.", REFERENCES[1], "Hunde"), (REFERENCES[0], "Frau", "Hunde"),
    dict.fromkeys(CONTROLS, REFERENCES),
)  # fmt: skip
SCORE = dataclasses.replace(BASE, second=REFERENCES)
MLE = dataclasses.replace(BASE, first=REFERENCES)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Two methods and Base, as `score train` leaves them."""
    folder = tmp_path_factory.mktemp("experiment")
    for run, made in (("base-1", BASE), ("score-2", BASE), ("score-1", SCORE), ("mle-1", MLE)):
        made.save(folder / run / "attempts" / "test.json")
    for seed, run in enumerate(("base", "score-1", "score-2", "mle-1"), start=1):
        model = drafting_model(seed).float()
        save_checkpoint(Checkpoint(model, vocabulary()), folder / run / "checkpoint")
    for stage, steps in ((1, (10, 20)), (2, (10,))):
        history = folder / "score-1" / f"stage-{stage}" / "history.jsonl"
        history.parent.mkdir()
        history.write_text("".join(
            json.dumps({"kind": "training", "step": step, "reward_1": step / 100, "kl_1": 0.5}) + "\n"
            for step in steps
        ))  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def written(experiment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundled") / "addition"
    Bundle(
        experiment=experiment, task="translation", reward="chrf", is_right=0.7,
        models=["base", "score"], examples=[Example("A man reads.", "Ein Mann liest.")],
        languages=("English", "German"), about="Known failures: all.",
    ).write(folder)  # fmt: skip
    return folder


def test_its_rows_are_those_of_the_report(experiment, written):
    found = rows(read_attempts(experiment), reward="chrf", is_right=0.7)
    assert list(read_results(written).rows) == found
    assert read_results(written).row("test", "score").seeds == (1, 2)


def test_a_course_goes_on_from_stage_to_stage(written):
    course = read_results(written).courses["score"]
    assert [(report.step, report.stage) for report in course] == [(10, 1), (20, 1), (30, 2)]
    assert [report.reward_1 for report in course] == [0.1, 0.2, 0.1]
    assert course[0].reward_2 is None


def test_points_are_the_rewards_of_the_first_seed(written):
    points = read_points(written)["test", "score"]
    first, second = SCORE.rewards("chrf")
    assert points.first == pytest.approx(first, abs=1e-3)
    assert points.second == pytest.approx(second, abs=1e-3)
    assert points.edits[1] == 0


def test_its_models_are_those_of_the_first_seed(experiment, written):
    assert {each.name for each in written.iterdir()} == {"base", "score", POINTS, RESULTS}
    for name, run in (("base", "base"), ("score", "score-1")):
        there, here = (
            load_checkpoint(experiment / run / "checkpoint"),
            load_checkpoint(written / name),
        )
        for key, tensor in there.model.state_dict().items():
            assert tensor.half().equal(here.model.state_dict()[key].half()), key
    card = load_checkpoint(written / "score").card
    assert "Seed 1 of 1, 2" in card
    assert "Known failures: all." in card
    assert load_checkpoint(written / "score").metrics["languages"] == ["English", "German"]


def test_no_line_of_the_texts_is_written(written):
    for file in written.rglob("*"):
        if file.suffix in (".json", ".md"):
            assert not any(line in file.read_text() for line in REFERENCES), file


def test_a_model_that_was_not_measured_is_an_error(experiment):
    with pytest.raises(ValueError, match=r"star was not measured.*there are base, score, mle"):
        Bundle(experiment=experiment, task="x", reward="chrf", is_right=0.7, models=["star"])


@pytest.mark.parametrize("file", [RESULTS, POINTS])
def test_damage_is_told_with_the_file_and_the_way_out(written, tmp_path, file):
    (tmp_path / file).write_bytes((written / file).read_bytes()[:-40])
    read = read_results if file == RESULTS else read_points
    with pytest.raises(ValueError, match=rf"{file} cannot be read .*score bundle"):
        read(tmp_path)


def test_points_of_unequal_length_are_damage(tmp_path):
    parts = {
        "first": np.zeros(2, np.float16),
        "second": np.zeros(3, np.float16),
        "edits": np.zeros(2, np.float16),
    }
    np.savez(tmp_path / POINTS, **{f"test/base/{part}": numbers for part, numbers in parts.items()})
    with pytest.raises(ValueError, match="lists of different lengths"):
        read_points(tmp_path)
