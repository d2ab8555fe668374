"""A training that starts from a trained model, through the command."""

import json
import shutil

import pytest
import torch
import tyro

from core.checkpoint.folder import load_checkpoint
from core.checkpoint.weights import save_weights
from core.cli.train import TYRO_CONFIG, Train
from core.text.toy_grammar import sentence_pairs
from core.training.run_folder import RunFolder
from core.training.start import Start
from tests.checkpoints import write_checkpoint
from tests.core.checkpoint.test_marian import files, missing, models, names, settings, write_marian

__all__ = ["files", "missing", "models", "names"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Text and a checkpoint with random weights."""
    folder = tmp_path_factory.mktemp("start")
    pairs = list(sentence_pairs(60))
    for name, side in (("a.en", 0), ("a.de", 1)):
        (folder / name).write_text("".join(f"{pair[side]}\n" for pair in pairs), "utf-8")
    write_checkpoint(folder / "first")
    return folder


def train(folder, *more, output="second"):
    words = [
        "--source", f"{folder}/a.en", "--target", f"{folder}/a.de", "--output", f"{folder}/{output}",
        "--run-folder", f"{folder}/runs/{output}", "--device", "cpu", *more,
    ]  # fmt: skip
    tyro.cli(Train, args=words, config=TYRO_CONFIG).execute(words)
    return load_checkpoint(folder / output)


def start(folder, n_steps=2, *more, **names):
    from_first = ("--start-from", f"{folder}/first", "--n-steps", f"{n_steps}")
    return train(folder, *from_first, *more, **names)


def distance(one, other):
    """The largest change of a weight."""
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    assert ours.keys() == theirs.keys()
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


def test_the_first_steps_leave_from_its_weights(folder):
    """Adam moves a weight by about the rate a step, and the rate falls."""
    first = load_checkpoint(folder / "first")
    second = start(folder)
    assert second.config == first.config
    assert second.vocabulary.names == first.vocabulary.names
    assert 0 < distance(first, second) < 2.01 * 3e-4
    rates = [second.training.rate, second.training.n_cooldown_steps]
    assert rates == [3e-4, 2]


def test_it_goes_on_from_its_own_state_and_not_from_the_start(folder):
    earlier = start(folder, 3, output="third")
    state = RunFolder(folder / "runs" / "third").resume().weights
    later = start(folder, 6, output="third")
    assert distance(earlier, later) > 0
    assert RunFolder(folder / "runs" / "third").saved_step() == 6
    assert any((state[name] != tensor).any() for name, tensor in later.model.state_dict().items())


def test_another_start_is_refused_for_the_same_run(folder):
    start(folder, output="fourth")
    shutil.copytree(folder / "first", folder / "other")
    model = load_checkpoint(folder / "other").model
    with torch.no_grad():
        model.embedding.weight[5] += 1
    save_weights(model.state_dict(), folder / "other" / "model.safetensors", half=False)
    with pytest.raises(
        ValueError, match=r"other settings \(the model of --start-from is another\)"
    ):
        train(folder, "--start-from", f"{folder}/other", "--n-steps", "2", output="fourth")
    with pytest.raises(ValueError, match="the model of --start-from is another"):
        train(folder, "--n-steps", "2", "--vocabulary", f"{folder}/first/sentencepiece.model",
              output="fourth")  # fmt: skip


def test_a_run_of_before_there_were_starts_goes_on(folder):
    train(folder, "--n-steps", "2", output="old")
    file = folder / "runs" / "old" / "config.json"
    settings = json.loads(file.read_text())
    assert settings["texts"].pop("start") == ""
    file.write_text(json.dumps(settings))
    train(folder, "--n-steps", "3", output="old")
    assert RunFolder(folder / "runs" / "old").saved_step() == 3


def test_shape_and_vocabulary_come_with_it(folder):
    with pytest.raises(ValueError, match=r"leave out --d-model, --n-heads$"):
        start(folder, 2, "--d-model", "32", "--n-heads", "2", output="fifth")
    with pytest.raises(ValueError, match=r"leave out --vocabulary$"):
        start(folder, 2, "--vocabulary", f"{folder}/first/sentencepiece.model", output="fifth")
    assert start(folder, 2, "--p-dropout", "0.3", output="fifth").config.p_dropout == 0.3


def test_a_marian_model_is_refused(files, names, tmp_path):
    marian = tmp_path / "opus"
    write_marian(marian, files, settings(len(names)))
    with pytest.raises(ValueError, match=r"is a Marian model, and this command trains models of"):
        Start.read(marian)


def test_a_share_of_rough_sources_is_another_text_with_its_own_tokens(folder):
    """The vocabulary is learnt from what is read, so it has pieces of capitals."""
    train(folder, "--n-steps", "1", "--rough-share", "1", output="rough")
    names = load_checkpoint(folder / "rough").vocabulary.names
    assert any(name.strip("▁").isupper() and len(name) > 2 for name in names)
    with pytest.raises(ValueError, match="the text of --source and --target is another"):
        train(folder, "--n-steps", "1", output="rough")
