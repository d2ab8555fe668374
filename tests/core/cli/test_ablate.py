"""`ablate`, `means` and `prune` as a newcomer types them."""

import json
from pathlib import Path

import pytest

from core.analysis.ablation.head_means import MEANS, read_means
from core.analysis.effects.pruning_results import read_pruning
from core.checkpoint.folder import load_checkpoint
from core.text.toy_grammar import sentence_pairs
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.cli.test_commands import run

pytestmark = pytest.mark.slow
SHORT = ("--method", "greedy", "--max-extra-pieces", "2")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ablate") / "tiny"
    write_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("text")
    for side, name in enumerate(("en", "de")):
        text = "".join(pair[side] + "\n" for pair in sentence_pairs(6))
        (folder / name).write_text(text, "utf-8")
    return ["--source", str(folder / "en"), "--reference", str(folder / "de")]


def test_a_sentence_under_two_ablations(checkpoint, tmp_path):
    file = tmp_path / "effects.json"
    printed = run(
        "ablate", "--checkpoint", checkpoint, SENTENCE, "--ablation", "dec.L1=skip,cross.L3H5=0",
        "--ablation", "pos=off", "--json", "--output", file, *SHORT,
    ).stdout  # fmt: skip
    value = json.loads(printed)
    assert value == json.loads(file.read_text("utf-8"))
    assert value["source"] == SENTENCE
    assert [effect["ablation"] for effect in value["effects"]] == [
        "dec.L1=skip,cross.L3H5=0", "pos=off"
    ]  # fmt: skip
    for effect in value["effects"]:
        assert effect["before"] == value["translation"]
        assert effect["delta_nats"] == pytest.approx(sum(s["delta_nats"] for s in effect["steps"]))


def test_a_sweep_of_a_sentence_is_kept(checkpoint, cache):
    command = ("ablate", "--checkpoint", checkpoint, SENTENCE, "--sweep", "heads", *SHORT)
    first, again = run(*command).stdout, run(*command).stdout
    assert first == again  # the time it took among it
    assert "cross.L3H5=0" in first
    assert "layers evaluated of 205" in first
    assert list(cache.rglob("*.npz"))


def test_a_sweep_of_a_text(checkpoint, files, tmp_path):
    file = tmp_path / "sweep.json"
    printed = run("ablate", "--checkpoint", checkpoint, *files, "--sweep", "layers", "--output",
                  file, "--no-cache", *SHORT).stdout  # fmt: skip
    value = json.loads(file.read_text("utf-8"))
    assert [effect["ablation"] for effect in value["effects"]] == [
        "enc.L1=skip", "enc.L2=skip", "dec.L1=skip", "dec.L2=skip", "dec.L3=skip"
    ]  # fmt: skip
    assert set(value["effects"][0]["differences"]) == {"bleu", "chrf", "perplexity"}
    assert value["sentences"] == 6
    assert "dec.L3=skip" in printed


def test_means_are_made_once_and_used(checkpoint, files):
    missing = (
        "ablate",
        "--checkpoint",
        checkpoint,
        SENTENCE,
        "--ablation",
        "cross.L1H1=mean",
        *SHORT,
    )
    assert "python -m core means" in run(*missing, fails=True).stderr
    assert MEANS in run("means", "--checkpoint", checkpoint, *files).stdout
    assert read_means(load_checkpoint(checkpoint)).n_sentences == 6
    assert "cross.L1H1=mean" in run(*missing).stdout


def test_pruning_is_stored_with_the_checkpoint(checkpoint, files):
    importance = [word.replace("--", "--importance-") for word in files]
    printed = run("prune", "--checkpoint", checkpoint, *files, *importance, "--n-steps", "2",
                  "--n-random", "1", *SHORT).stdout  # fmt: skip
    assert "random 1" in printed
    pruning = read_pruning(checkpoint)
    assert [point.n_removed for point in pruning.curves[0].points] == [0, 20, 40]
    load_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((SENTENCE,), "say what to change with --ablation"),
        (("--ablation", "pos=off"), "name either a sentence, or both --source"),
        (("--ablation", "pos=off", "--source", "x"), "name either a sentence, or both --source"),
        ((SENTENCE, "--ablation", "cross.L9H1=0"), "there is no layer 9"),
        ((SENTENCE, "--ablation", "everything=0"), "is not a part of an ablation"),
        ((SENTENCE, "--ablation", "cross.L1H1.row99=k3"), "there is no step 99; steps of this"),
        (
            (SENTENCE, "--ablation", "pos=off", "--ablation", " "),
            "an empty --ablation changes nothing",
        ),
        (("--source", "x", "--reference", "y", "--sweep", "pairs"), "swept on one sentence"),
    ],
)
def test_a_mistake_is_one_line(checkpoint, arguments, message):
    error = run("ablate", "--checkpoint", checkpoint, *arguments, fails=True).stderr
    assert message in error
    assert "Traceback" not in error
