"""A bundle holds the experiment's numbers and models, and no line of its texts."""

import json
import shutil

import numpy as np
import pytest

from core.checkpoint.folder import load_checkpoint
from core.training.score.bundle import Bundle
from core.training.score.report import read_attempts, rows
from core.training.score.results import (
    POINTS,
    RESULTS,
    read_points,
    read_results,
)
from tests.core.training.score.experiments import REFERENCES, SCORE, write_bundle, write_experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    write_experiment(folder)
    return folder


@pytest.fixture(scope="module")
def written(experiment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundled") / "task"
    write_bundle(folder, experiment)
    return folder


def test_its_rows_are_those_of_the_report(experiment, written):
    found = rows(read_attempts(experiment), reward="chrf", is_right=0.7)
    assert list(read_results(written).rows) == found
    assert read_results(written).row("test", "score").seeds == (1, 2)


def test_a_course_goes_on_from_stage_to_stage(written):
    course = read_results(written).courses["score"]
    assert [(report.step, report.stage) for report in course] == [(10, 1), (20, 1), (30, 2)]
    assert [report.reward_1 for report in course] == [0.1, 0.2, 0.1]
    assert course[0].kl_2 is None


def test_points_are_the_rewards_of_the_first_seed(written):
    points = read_points(written)["test", "score"]
    first, second = SCORE.rewards("chrf")
    assert points.first == pytest.approx(first, abs=1e-3)
    assert points.second == pytest.approx(second, abs=1e-3)
    assert points.edits[1] == 0


def test_its_models_are_those_of_the_first_seed(experiment, written):
    assert {each.name for each in written.iterdir()} == {
        "base",
        "score",
        "wrong_credit",
        POINTS,
        RESULTS,
    }
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
    with pytest.raises(
        ValueError, match=r"star was not measured.*there are base, score, wrong_credit"
    ):
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


@pytest.mark.parametrize("place", ["", "score-1", ".."])
def test_an_experiment_is_never_written_over(experiment, place):
    with pytest.raises(ValueError, match="lies in the experiment"):
        write_bundle(experiment / place, experiment)
    assert read_attempts(experiment)


def test_what_is_no_bundle_is_not_replaced(experiment, written, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years of work")
    with pytest.raises(ValueError, match="would be lost"):
        write_bundle(tmp_path / "thesis", experiment)
    assert (tmp_path / "thesis" / "chapter").read_text() == "years of work"
    (tmp_path / "file").write_text("one")
    with pytest.raises(ValueError, match="is a file"):
        write_bundle(tmp_path / "file", experiment)
    write_bundle(written, experiment)  # an earlier bundle is


def test_a_stage_goes_on_where_the_one_before_ended(experiment, tmp_path):
    """Its last report may stand before its end."""
    copy = tmp_path / "copy"
    shutil.copytree(experiment, copy)
    (copy / "score-1" / "stage-1" / "config.json").write_text('{"training": {"n_steps": 25}}')
    write_bundle(tmp_path / "bundle", copy)
    steps = [report.step for report in read_results(tmp_path / "bundle").courses["score"]]
    assert steps == [10, 20, 35]


def test_another_search_has_no_model(experiment):
    with pytest.raises(ValueError, match="beam has no model of its own"):
        Bundle(experiment=experiment, task="x", reward="chrf", is_right=0.7, models=["beam"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": []}, "it holds no rows"),
        ({"reward": "luck"}, "reward 'luck' is none of"),
        ({"is_right": 7.0}, "is_right=7 must be above 0"),
        ({"models": {"base": "magic"}}, "names the method magic"),
        (
            {"examples": [{"source": " x ", "reference": "y"}]},
            "example 1 is empty or not normalised",
        ),
        ({"examples": [{"source": "", "reference": "y"}]}, "example 1 is empty"),
    ],
)
def test_results_that_no_page_could_show_are_refused(written, tmp_path, changes, said):
    values = json.loads((written / RESULTS).read_text())
    (tmp_path / RESULTS).write_text(json.dumps({**values, **changes}))
    with pytest.raises(ValueError, match=said):
        read_results(tmp_path)
