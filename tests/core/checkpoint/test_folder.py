"""One folder is one model: saved and loaded whole, or refused with file and cause."""

import copy
import json
import re

import pytest
import safetensors.torch
import torch
from torch.testing import assert_close

import core
from core.checkpoint.folder import Checkpoint, load_checkpoint, model_with, save_checkpoint
from core.checkpoint.listing import timeline_file, timeline_steps
from core.checkpoint.required import CheckpointError, problem_of
from core.checkpoint.weights import save_weights
from core.config import TrainConfig
from tests.core.helpers import random_ids, small_config, small_model

SOURCE, TARGET = random_ids(3, 7), random_ids(3, 5, seed=2)
FILES = (
    "card.md", "config.json", "history.jsonl", "metrics.json", "model.safetensors",
    "sentencepiece.model",
)  # fmt: skip


def checkpoint_of(tokenizer, **changes):
    config = small_config(vocabulary_size=len(tokenizer.names), **changes)
    return Checkpoint(
        model=small_model(config).float(),
        vocabulary=tokenizer,
        training=TrainConfig(n_steps=7),
        metrics={"größe": 3, "hardware": "an abacus"},
        history=({"kind": "training", "step": 1}, {"kind": "validation", "step": 2}),
        card="# Straße\n",
    )


@pytest.fixture
def saved(tokenizer, tmp_path):
    folder = tmp_path / "below" / "model"
    save_checkpoint(checkpoint_of(tokenizer), folder)
    return folder


@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves", "learned", "none"])
@pytest.mark.parametrize("bias", [False, True])
def test_saved_then_loaded_gives_the_same_logits(tokenizer, tmp_path, positions, bias):
    checkpoint = checkpoint_of(
        tokenizer, positions=positions, attention_bias=bias, output_bias=bias
    )
    save_checkpoint(checkpoint, tmp_path / "model")
    loaded = load_checkpoint(tmp_path / "model")
    assert loaded.config == checkpoint.config
    assert torch.equal(loaded.model(SOURCE, TARGET), checkpoint.model(SOURCE, TARGET))


def test_everything_else_comes_back_too(tokenizer, saved):
    checkpoint, loaded = checkpoint_of(tokenizer), load_checkpoint(str(saved))
    assert loaded.training == checkpoint.training
    assert loaded.metrics == checkpoint.metrics
    assert loaded.history == checkpoint.history
    assert loaded.card == checkpoint.card
    assert loaded.vocabulary.model == tokenizer.model
    assert loaded.folder == saved
    assert not loaded.model.training
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}


def test_a_folder_has_these_files_and_no_others(saved):
    assert sorted(path.name for path in saved.iterdir()) == list(FILES)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_whoever_may_read_one_file_may_read_them_all(saved):
    assert len({file.stat().st_mode for file in saved.iterdir()}) == 1


def test_half_precision_stays_within_half_precision(tokenizer, tmp_path):
    checkpoint = checkpoint_of(tokenizer)
    for name, half in (("full", False), ("half", True)):
        save_checkpoint(checkpoint, tmp_path / name, half=half)
    full, half = (load_checkpoint(tmp_path / name).model for name in ("full", "half"))
    for name, weight in half.state_dict().items():
        assert weight.dtype == torch.float32
        assert torch.equal(weight, full.state_dict()[name].half().float())
    assert not torch.equal(half.embedding.weight, full.embedding.weight)
    assert_close(half(SOURCE, TARGET), full(SOURCE, TARGET), rtol=0, atol=0.2)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]


def test_loading_draws_no_random_number(saved):
    before = torch.get_rng_state()
    load_checkpoint(saved)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_timeline_is_loaded_step_by_step(tokenizer, saved):
    assert timeline_steps(saved) == []
    config = small_config(vocabulary_size=len(tokenizer.names))
    models = {step: small_model(config, seed=step).float() for step in (90, 7)}
    (saved / "timeline").mkdir()
    for step, model in models.items():
        save_weights(model.state_dict(), saved / timeline_file(step), half=True)
    assert timeline_steps(saved) == [7, 90]
    for step, model in models.items():
        for loaded in (load_checkpoint(saved, step=step), core.load(saved, step=step).checkpoint):
            weight = model.embedding.weight.half().float()
            assert torch.equal(loaded.model.embedding.weight, weight)
    with pytest.raises(
        CheckpointError, match=rf"^{saved} keeps no weights of step 8; its timeline has \[7, 90\]$"
    ):
        load_checkpoint(saved, step=8)


@pytest.mark.parametrize("half", [False, True])
def test_a_timeline_is_written_in_half_precision(tokenizer, tmp_path, half):
    checkpoint = checkpoint_of(tokenizer)
    save_weights(checkpoint.model.state_dict(), tmp_path / "early.safetensors", half=False)
    save_checkpoint(
        checkpoint, tmp_path / "m", half=half, timeline={7: tmp_path / "early.safetensors"}
    )
    dtypes = {
        w.dtype for w in safetensors.torch.load_file(tmp_path / "m" / timeline_file(7)).values()
    }
    assert dtypes == {torch.float16}


def test_an_untrained_checkpoint_needs_no_extras(tokenizer, tmp_path):
    model = small_model(small_config(vocabulary_size=len(tokenizer.names))).float()
    save_checkpoint(Checkpoint(model, tokenizer), tmp_path / "model")
    loaded = load_checkpoint(tmp_path / "model")
    assert (loaded.training, loaded.metrics, loaded.history, loaded.card) == (None, {}, (), "")


@pytest.mark.parametrize("name", ["history.jsonl", "metrics.json", "card.md"])
def test_history_metrics_and_card_may_be_absent(saved, name):
    (saved / name).unlink()
    load_checkpoint(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "sentencepiece.model"])
def test_a_missing_file_is_named(saved, name):
    (saved / name).unlink()
    with pytest.raises(
        CheckpointError, match=rf"^{saved / name} is missing; a checkpoint needs it$"
    ):
        load_checkpoint(saved)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(
        CheckpointError, match=rf"^{tmp_path / 'none'} is not a folder; a checkpoint"
    ):
        load_checkpoint(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="is not a folder"):
        load_checkpoint(tmp_path / "file")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "sentencepiece.model"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.9])
def test_a_truncated_file_is_named(saved, name, share):
    whole = (saved / name).read_bytes()
    (saved / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match=re.escape(str(saved / name))):
        load_checkpoint(saved)


def test_a_configuration_that_is_no_utf_8_is_named(saved):
    (saved / "config.json").write_bytes(b"\xff\xfe{}\n{}\n")
    with pytest.raises(
        CheckpointError, match=rf"^{saved}/config\.json cannot be used: it is not UTF-8"
    ):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    "text",
    [
        "[]", "{}", '{"model": []}', '{"model": 3}', '{"model": {"vocabulary_size": 397}, "training": 5}',
        "[" * 100_000, '{"model": ' * 50_000,
    ],
)  # fmt: skip
def test_a_configuration_of_another_kind_is_named(saved, text):
    (saved / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=rf"^{saved}/config\.json cannot be used: it"):
        load_checkpoint(saved)


def edit_config(folder, part, **changes):
    values = json.loads((folder / "config.json").read_text("utf-8"))
    values[part].update(changes)
    (folder / "config.json").write_text(json.dumps(values), "utf-8")


def test_a_configuration_that_breaks_a_rule_is_named(saved):
    edit_config(saved, "model", d_model=0)
    with pytest.raises(
        CheckpointError, match=rf"^{saved}/config\.json cannot be used: d_model=0 must be a whole"
    ):
        load_checkpoint(saved)


def test_an_unknown_setting_is_named(saved):
    edit_config(saved, "training", n_stpes=5)
    with pytest.raises(
        CheckpointError,
        match=rf"^{saved}/config\.json cannot be used: TrainConfig has no field \['n_s",
    ):
        load_checkpoint(saved)


def test_a_vocabulary_of_another_checkpoint_is_named(saved):
    edit_config(saved, "model", vocabulary_size=398)
    with pytest.raises(
        CheckpointError,
        match=rf"^{saved}/sentencepiece\.model has 397 pieces, but config\.json says vocabulary_s",
    ):
        load_checkpoint(saved)


def test_weights_of_another_shape_are_named(saved):
    edit_config(saved, "model", d_ff=19)
    with pytest.raises(
        CheckpointError,
        match=rf"^{saved}/model\.safetensors has encoder\.layers\.0\.feed_forward\.inner\.weight of "
        r"\(17, 26\), but config\.json asks for \(19, 26\)$",
    ):
        load_checkpoint(saved)


def test_a_lacking_tensor_is_named(saved):
    edit_config(saved, "model", n_encoder_layers=3)
    with pytest.raises(
        CheckpointError,
        match=rf"^{saved}/model\.safetensors lacks the tensor encoder\.layers\.2\.\S+; config\.json",
    ):
        load_checkpoint(saved)


def test_a_tensor_too_many_is_named(saved):
    edit_config(saved, "model", n_decoder_layers=2)
    with pytest.raises(
        CheckpointError,
        match=rf"^{saved}/model\.safetensors holds tensors that config\.json does not ask for: \['d",
    ):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"d_ff": 10**9}, r"model\.safetensors has \S+ of \(17, 26\), but config\.json asks for"),
        ({"d_k": 10**17}, r"model\.safetensors has \S+ of \(35, 26\), but config\.json asks for"),
        ({"d_k": 10**18}, r"config\.json cannot be used: it holds a number of 19 digits; 18 is the"),
        ({"n_heads": 10**6}, "but config.json asks for"),
        ({"n_encoder_layers": 10**9}, r"lacks the tensor encoder\.layers\.2\."),
        ({"n_decoder_layers": 10**9}, r"lacks the tensor decoder\.layers\.3\."),
        ({"max_positions": 10**9}, r"max_positions=1000000000 times d_model=26 makes a position table"),
        ({"max_positions": 10**9, "positions": "learned"}, "makes a position table of more than"),
    ],
)  # fmt: skip
def test_sizes_beyond_the_file_are_refused_before_anything_is_made_of_them(
    saved, monkeypatch, change, message
):
    """Building one is what took minutes and gigabytes."""
    monkeypatch.setattr(core.checkpoint.folder, "build", lambda _: pytest.fail("built"))
    edit_config(saved, "model", **change)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved)
    assert re.search(message, problem_of(saved))


def test_a_last_line_cut_off_by_a_crash_is_passed_over(saved):
    with (saved / "history.jsonl").open("a") as file:
        file.write('{"kind": "train')
    assert [line["step"] for line in load_checkpoint(saved).history] == [1, 2]


@pytest.mark.parametrize("name", ["history.jsonl", "metrics.json", "card.md"])
@pytest.mark.parametrize(
    "content", [b"\xff\xfe{}\n{}\n", b'{"a": \n{}', b"[" * 100_000 + b"\n{}", b"[]\n{}"]
)
def test_a_model_runs_without_what_is_bad_beside_it(saved, name, content):
    """A card may hold any text."""
    (saved / name).write_bytes(content)
    loaded = load_checkpoint(saved)
    assert torch.equal(loaded.model(SOURCE, TARGET), load_checkpoint(saved).model(SOURCE, TARGET))
    is_bad = name != "card.md" or content.startswith(b"\xff")
    assert [str(saved / name) in notice for notice in loaded.notices] == [True] * is_bad


def test_a_replaced_folder_is_the_new_one_whole(tokenizer, saved):
    (saved / "left over").write_text("")
    other = small_model(small_config(vocabulary_size=397, d_ff=19), seed=3).float()
    save_checkpoint(Checkpoint(other, tokenizer), saved)
    assert sorted(path.name for path in saved.iterdir()) == list(FILES)
    assert [path.name for path in saved.parent.iterdir()] == ["model"]
    assert torch.equal(load_checkpoint(saved).model(SOURCE, TARGET), other(SOURCE, TARGET))


def test_a_failed_save_leaves_the_old_folder_as_it_was(tokenizer, saved, monkeypatch):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(checkpoint_of(tokenizer, d_ff=19), saved)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_model_with_given_weights_runs_in_evaluation_mode():
    original = small_model(small_config(p_dropout=0.5)).float()
    weights = copy.deepcopy(original.state_dict())
    made = model_with(original.config, weights)
    assert not made.training
    assert torch.equal(made(SOURCE, TARGET), original(SOURCE, TARGET))


@pytest.mark.gpu
def test_a_checkpoint_loads_onto_a_gpu(saved):
    loaded = load_checkpoint(saved, "cuda")
    assert {parameter.device.type for parameter in loaded.model.parameters()} == {"cuda"}
    assert loaded.model.embedding.positions.device.type == "cuda"
