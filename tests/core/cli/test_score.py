"""The command `score`, from the first texts to the folder that the Explorer shows."""

import dataclasses
import json

import pytest

from core.checkpoint.folder import load_checkpoint
from core.cli import main
from core.cli.score import _judged, _require_full
from core.training.score.methods import METHODS
from core.training.score.plans import PLANS
from core.training.score.results import read_results
from core.training.score.settings import agree, settings_of
from core.training.score.task import addition_task
from tests.core.training.score.experiments import write_experiment


def run(*arguments):
    main(["score", *map(str, arguments)])


def test_every_method_is_listed(capsys):
    run("methods")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(METHODS)


@pytest.mark.slow
def test_additions_are_trained_measured_and_bundled(tmp_path, capsys):
    """Few sums and updates; the same command goes on, and what is done stays as it is."""
    addition_task(tmp_path / "sums" / "texts", n_warm_up=200, n_prompts=100, n_test=12)
    few = (
        "--output", tmp_path / "sums", "--n-warm-up-steps", 3, "--n-steps", 4, "--seeds", 1,
        "--tokens-per-update", 40, "--method", "base,score,star",
    )  # fmt: skip
    run("train", *few, "--stage", "warm-up")
    assert not (tmp_path / "sums" / "score-1").exists()
    run("train", *few, "--stage", "1")
    assert not (tmp_path / "sums" / "score-1" / "checkpoint").exists()
    run("train", *few)
    weights = tmp_path / "sums" / "score-1" / "checkpoint" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    run("train", *few)
    assert weights.stat().st_mtime_ns == written
    capsys.readouterr()
    run("report", "--output", tmp_path / "sums", "--format", "json")
    found = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in found] == ["base", "score", "star"]
    run(
        "bundle",
        "--output",
        tmp_path / "sums",
        "--to",
        tmp_path / "shown",
        "--models",
        "base,score",
    )
    results = read_results(tmp_path / "shown")
    assert (results.task, results.reward, len(results.examples)) == ("addition", "exact", 5)
    assert load_checkpoint(tmp_path / "shown" / "score").config.takes_drafts


def test_a_bundle_of_translations_holds_the_examples_that_it_is_given(tmp_path, capsys):
    write_experiment(tmp_path / "made")
    for name, line in (
        ("a.en", "A man reads."),
        ("a.de", "Ein Mann liest."),
        ("about.md", "All fails."),
    ):
        (tmp_path / name).write_text(f"{line}\n")
    run(
        "bundle", "--output", tmp_path / "made", "--to", tmp_path / "shown", "--models", "base,score",
        "--example-source", tmp_path / "a.en", "--example-target", tmp_path / "a.de",
        "--picked", "--languages", "English", "German", "--about", tmp_path / "about.md",
    )  # fmt: skip
    results = read_results(tmp_path / "shown")
    assert results.is_picked
    (example,) = results.examples
    assert (example.source, example.reference) == ("A man reads.", "Ein Mann liest.")
    assert "All fails." in load_checkpoint(tmp_path / "shown" / "base").card
    capsys.readouterr()
    for folder in ("made", "shown"):
        run("report", "--output", tmp_path / folder)
    made, shown = capsys.readouterr().out.split("test\n", 2)[1:]
    assert made.strip() == shown.strip()


def test_the_bundled_experiments_are_reported_without_options(capsys):
    run("report", "--format", "short")
    assert "| SCoRe |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "--method", "scor"), "no method scor; there are base, "),
        (("train", "--jobs", "0"), "jobs=0 must be at least 1"),
        (
            ("train", "--task", "translation"),
            "needs --base, --warm-up-source, --source, --test-source",
        ),
        (("report", "--output", "nowhere"), "nowhere holds no attempts"),
        (("report", "--reward", "chrf"), "bundled results hold none"),
        (("report", "--is-right", "0"), "bundled results hold none"),
        (("train", "--seeds=-1"), "must be whole numbers from 0"),
        (
            ("train", "--base", "x"),
            "--task addition starts from random weights and makes its own texts, so it takes no --base",
        ),
        (("train", "--n-samples", "0"), "n_samples=0, but each prompt needs at least 2"),
        (("train", "--output", "file"), "is a file"),
        (
            (
                "train",
                "--task",
                "translation",
                "--base",
                "x",
                "--warm-up-source",
                "a",
                "--warm-up-target",
                "b",
                "--source",
                "a",
                "--target",
                "b",
                "--test-source",
                "a",
                "c/a",
                "--test-target",
                "b",
                "b",
            ),
            "two test texts are called a",
        ),
        (
            (
                "train",
                "--task",
                "translation",
                "--base",
                "x",
                "--warm-up-source",
                "a",
                "--warm-up-target",
                "b",
                "--source",
                "a",
                "--target",
                "b",
                "--test-source",
                "a",
            ),
            "1 source and 0 target files",
        ),
        (("bundle", "--to", "x", "--output", "made", "--example-source", "a"), "belong together"),
        (
            ("evaluate", "--checkpoint", "x", "--source", "a", "--reference", "b", "--output", "."),
            "is a folder",
        ),
        (("bundle", "--to", "x", "--output", "nowhere"), "nowhere holds no attempts"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("file", "a", "b"):
        (tmp_path / name).write_text("x\n")
    write_experiment(tmp_path / "made")
    with pytest.raises(SystemExit):
        run(*arguments)
    assert said in capsys.readouterr().err


def test_an_empty_example_is_named_by_its_line(tmp_path):
    with pytest.raises(ValueError, match=r"^line 2 of .*a\.en or of its references is empty"):
        _require_full([("a", "b"), (" ", "b")], tmp_path / "a.en")


def test_right_is_what_the_training_called_right_unless_another_reward_is_asked_for(tmp_path):
    assert _judged(tmp_path, None, None) == ("translation", "chrf", 0.7)
    assert _judged(tmp_path, "exact", None) == ("translation", "exact", 1.0)
    task = addition_task(tmp_path / "texts", n_warm_up=4, n_prompts=3, n_test=2)
    agree(tmp_path, dataclasses.replace(settings_of(task, PLANS["addition"]), is_right=0.9))
    assert _judged(tmp_path, None, None) == ("addition", "exact", 0.9)
    assert _judged(tmp_path, "exact", None) == ("addition", "exact", 0.9)
    assert _judged(tmp_path, "chrf", None) == ("addition", "chrf", 0.7)
    assert _judged(tmp_path, None, 0.5) == ("addition", "exact", 0.5)
