"""`average`: only what means the same is averaged, and the card says what its author wrote."""

import json
import re

import pytest
import safetensors.torch
import torch

from core.checkpoint.folder import Checkpoint, load_checkpoint, save_checkpoint
from core.cli.average import Average
from core.config import TrainConfig
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from core.training.run_folder import RunFolder
from tests.checkpoints import write_checkpoint


@pytest.fixture
def first(tmp_path):
    write_checkpoint(tmp_path / "first")
    return tmp_path / "first"


def test_the_mean_of_two_checkpoints_has_the_authors_card(first, tmp_path):
    one = write_checkpoint(tmp_path / "second")
    with torch.no_grad():
        one.model.embedding.weight += 2
    save_checkpoint(one, tmp_path / "second")
    (tmp_path / "about.md").write_text("Learnt from **Multi30k**.")
    out = tmp_path / "mean"
    Average(
        output=out, checkpoint=(first, tmp_path / "second"), about=tmp_path / "about.md"
    ).execute([])
    mean = load_checkpoint(out)
    expected = load_checkpoint(first).model.embedding.weight + 1
    assert torch.allclose(mean.model.embedding.weight, expected)
    assert mean.card.startswith("# mean\n\nLearnt from **Multi30k**.\n")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        # n_heads, d_k and d_v change no shape of the projections as long as their product stays
        ({"n_heads": 7, "d_k": 5, "d_v": 5}, "n_heads is 5 and 7; d_k is 7 and 5; d_v is 7 and 5"),
        ({"positions": "none"}, "positions is 'sinusoidal' and 'none'"),
    ],
)
def test_models_of_equal_shapes_that_compute_something_else_are_refused(tmp_path, shape, message):
    sizes = {"n_heads": 5, "d_k": 7, "d_v": 7}
    a, b = tmp_path / "a", tmp_path / "b"
    write_checkpoint(a, **sizes)
    write_checkpoint(b, **{**sizes, **shape})
    with pytest.raises(
        ValueError, match=rf"^{a} and {b} cannot be averaged \({message}\); name checkpoints of one"
    ):
        Average(output=tmp_path / "mean", checkpoint=(a, b)).execute([])
    assert not (tmp_path / "mean").exists()


def test_another_vocabulary_is_refused(first, tmp_path):
    checkpoint = load_checkpoint(first)
    lines = [line for pair in sentence_pairs(800, seed=2) for line in pair]
    tokenizer = JointVocabulary.learn(lines, len(checkpoint.vocabulary.source.names))
    save_checkpoint(Checkpoint(checkpoint.model, tokenizer), tmp_path / "second")
    command = Average(output=tmp_path / "mean", checkpoint=(first, tmp_path / "second"))
    with pytest.raises(ValueError, match=r"cannot be averaged \(their vocabularies differ\); "):
        command.execute([])


@pytest.mark.parametrize("last", [0, -1])
def test_no_snapshots_to_average_is_a_mistake(tmp_path, last):
    RunFolder(tmp_path / "run").create()
    with pytest.raises(
        ValueError, match=rf"^last={last} must be at least 1: it is the number of snapshots"
    ):
        Average(output=tmp_path / "mean", run_folder=tmp_path / "run", last=last).execute([])


@pytest.mark.parametrize(("last", "mean"), [(1, 7.0), (2, 6.0), (3, 14 / 3), (9, 3.75)])
def test_the_newest_snapshots_of_a_run_are_averaged(tmp_path, capsys, last, mean):
    """Of four snapshots, in which every number is 1, 2, 5 and 7; fewer than asked for are all."""
    checkpoint = write_checkpoint(tmp_path / "one")
    run = RunFolder(tmp_path / "run")
    run.create()
    settings = {"model": checkpoint.config.to_json(), "training": TrainConfig().to_json()}
    (run.folder / "config.json").write_text(json.dumps(settings))
    (run.folder / "facts.json").write_text('{"n_training_pairs": 7, "n_pairs_left_out": 1}')
    for name, content in checkpoint.vocabulary.files.items():
        (run.folder / name).write_bytes(content)
    for step, value in ((900, 1.0), (1_000, 2.0), (9_000, 5.0), (10_000, 7.0)):
        weights = {
            name: torch.full_like(tensor, value)
            for name, tensor in checkpoint.model.state_dict().items()
        }
        safetensors.torch.save_file(weights, run.snapshots / f"step-{step:07d}.safetensors")
    Average(output=tmp_path / "mean", run_folder=run.folder, last=last).execute([])
    for name, tensor in load_checkpoint(tmp_path / "mean").model.state_dict().items():
        assert torch.allclose(tensor, torch.full_like(tensor, mean)), name
    named = re.findall(r"step-0*(\d+)\.", capsys.readouterr().out)
    assert named == ["900", "1000", "9000", "10000"][-last:]
