"""A folder of Hugging Face's Marian, written here without it; `bench` compares with theirs."""

import json
import re

import pytest
import safetensors.torch
import torch

import core
from core.checkpoint.header import tensor_shapes
from core.checkpoint.marian import (
    is_marian,
    marian_config,
    marian_name,
    marian_shape,
    positions_name,
)
from core.checkpoint.required import CheckpointError, model_config_of, problem_of
from core.config import SearchConfig
from core.model import build
from core.model.embedding import sinusoids
from core.text.marian import TARGET_TABLE_FILE
from tests.core.text.test_marian import files, missing, models, names

__all__ = ["files", "missing", "models", "names"]

OWN_TABLE = {"</s>": 0, "<unk>": 1, "▁Der": 2, "▁Hund": 3}


def settings(n, **changes):
    """What OPUS-MT's config.json says, at a small size; entries that are not read among them."""
    return {
        "model_type": "marian", "vocab_size": n, "d_model": 24, "encoder_layers": 2,
        "decoder_layers": 3, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
        "encoder_ffn_dim": 28, "decoder_ffn_dim": 28, "activation_function": "swish",
        "scale_embedding": True, "max_position_embeddings": 64, "pad_token_id": n - 1,
        "eos_token_id": 0, "decoder_start_token_id": n - 1, "static_position_embeddings": True,
        **changes,
    }  # fmt: skip


def write_marian(folder, files, values, *, torch_file=False):
    """A model with random weights; returns it."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "config.json").write_text(json.dumps(values))
    config = marian_config(values)
    torch.manual_seed(4)
    model = build(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    state = model.state_dict()
    tensors = {
        marian_name(name, config): state[name].reshape(marian_shape(name, shape)).contiguous()
        for name, shape in tensor_shapes(config)
    }
    tensors[positions_name("encoder")] = sinusoids(64, 24, halves=True)  # older files hold it
    if torch_file:
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        safetensors.torch.save_file(tensors, folder / "model.safetensors")
    return model


def logits(model):
    with torch.no_grad():
        return model(torch.tensor([[4, 5, 6, 0]]), torch.tensor([[2, 3, 2]]))


@pytest.mark.parametrize("torch_file", [False, True])
def test_a_folder_opens_as_it_is(files, names, tmp_path, torch_file):
    model = write_marian(tmp_path / "opus", files, settings(len(names)), torch_file=torch_file)
    translator = core.load(tmp_path / "opus")
    assert translator.checkpoint.config == model.config
    assert logits(translator.checkpoint.model).equal(logits(model))
    assert translator.checkpoint.vocabulary.target.names == tuple(names)
    assert (
        translator.trace("a man", SearchConfig(max_extra_pieces=2)).source.pieces[-1].name == "</s>"
    )
    assert problem_of(tmp_path / "opus") is None


def test_the_sides_may_have_tables_of_their_own(files, names, tmp_path):
    values = settings(
        len(names), share_encoder_decoder_embeddings=False, decoder_vocab_size=5,
        pad_token_id=4, decoder_start_token_id=4,
    )  # fmt: skip
    own = {**OWN_TABLE, "<pad>": 4}
    both = {**files, TARGET_TABLE_FILE: json.dumps(own).encode()}
    model = write_marian(tmp_path / "opus", both, values)
    translator = core.load(tmp_path / "opus")
    assert translator.checkpoint.config.source_vocabulary_size == len(names)
    assert translator.checkpoint.config.vocabulary_size == 5
    assert logits(translator.checkpoint.model).equal(logits(model))
    assert logits(model).shape == (1, 3, 5)
    assert translator.checkpoint.vocabulary.target.names == tuple(own)


def test_its_shape_is_in_the_papers_words(names):
    config = marian_config(settings(len(names)))
    assert (config.n_heads, config.d_k, config.d_v) == (4, 6, 6)
    assert (config.positions, config.activation) == ("sinusoidal_halves", "silu")
    assert (config.attention_bias, config.output_bias, config.writes_unknown) == (True, True, True)
    assert (config.pad_id, config.start_id, config.end_id) == (len(names) - 1, len(names) - 1, 0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scale_embedding": False}, "scale_embedding=false"),
        ({"decoder_attention_heads": 2}, "same attention heads in encoder and decoder"),
        ({"decoder_ffn_dim": 30}, "same feed-forward widths in encoder and decoder"),
        ({"activation_function": "tanh"}, "activation_function='tanh' is none of"),
        ({"d_model": 26}, "d_model=26 must be a multiple of encoder_attention_heads=4"),
        ({"encoder_layers": None}, "encoder_layers must be a whole number"),
        ({"vocab_size": 9}, "is outside the vocabulary"),
        (
            {"encoder_attention_heads": 0, "decoder_attention_heads": 0},
            "d_model=24 must be a multiple of encoder_attention_heads=0",
        ),
    ],
)
def test_what_this_model_cannot_be_is_refused_with_the_reason(
    files, names, tmp_path, changes, said
):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    (tmp_path / "opus" / "config.json").write_text(json.dumps(settings(len(names), **changes)))
    with pytest.raises(CheckpointError, match=f"config.json cannot be used: .*{said}"):
        model_config_of(tmp_path / "opus")


@pytest.mark.parametrize("name", ["source.spm", "vocab.json", "model.safetensors"])
def test_a_missing_file_is_named(files, names, tmp_path, name):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    (tmp_path / "opus" / name).unlink()
    assert re.match(
        rf"{name}( \(or pytorch_model.bin\))? is missing", problem_of(tmp_path / "opus")
    )


def test_weights_of_another_shape_are_named(files, names, tmp_path):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    values = settings(len(names), encoder_ffn_dim=30, decoder_ffn_dim=30)
    (tmp_path / "opus" / "config.json").write_text(json.dumps(values))
    assert "model.encoder.layers.0.fc1.weight" in problem_of(tmp_path / "opus")


def test_other_models_are_none():
    assert not is_marian({"model_type": "bart"})
    assert not is_marian([])


def test_what_another_toolkit_says_of_its_model_is_named(files, names, tmp_path):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    (tmp_path / "opus" / "config.json").write_text('{"model_type": "bart"}')
    assert "its model_type is 'bart'" in problem_of(tmp_path / "opus")


def test_search_settings_say_what_is_never_written(files, names, tmp_path):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    generation = {"bad_words_ids": [[1], [4], [len(names) - 1]], "renormalize_logits": True}
    (tmp_path / "opus" / "generation_config.json").write_text(json.dumps(generation))
    checkpoint = core.load(tmp_path / "opus").checkpoint
    assert checkpoint.config.banned_ids == {1, 4, len(names) - 1}
    found = logits(checkpoint.model)
    assert found.softmax(-1)[..., [1, 4, len(names) - 1]].max() == 0
    assert found.softmax(-1).sum(-1).allclose(torch.ones(1))


@pytest.mark.parametrize(
    ("generation", "said"),
    [
        ({"bad_words_ids": [[4, 5]]}, "bad_words_ids holds \\[4, 5\\]"),
        ({"bad_words_ids": "no"}, "bad_words_ids must be a list"),
        ({"decoder_start_token_id": 5}, "its decoder_start_token_id is 5"),
        ([], "it must be an object"),
    ],
)
def test_search_settings_that_do_not_fit_are_named(files, names, tmp_path, generation, said):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    (tmp_path / "opus" / "generation_config.json").write_text(json.dumps(generation))
    with pytest.raises(CheckpointError, match=f"generation_config.json does not fit it: .*{said}"):
        core.load(tmp_path / "opus")


def test_a_torch_file_is_compared_with_the_configuration(files, names, tmp_path):
    write_marian(tmp_path / "opus", files, settings(len(names)), torch_file=True)
    file = tmp_path / "opus" / "pytorch_model.bin"
    tensors = torch.load(file, weights_only=True)
    name = "model.encoder.layers.0.fc1.weight"
    for damaged, said in (
        ({**tensors, name: tensors[name].T.contiguous()}, f"has {name} of"),
        ({"model": tensors}, "lacks the tensor"),
        ({**tensors, name: tensors[name].int()}, "holds int32 numbers"),
        ([1], "holds no tensors by name"),
    ):
        torch.save(damaged, file)
        with pytest.raises(CheckpointError, match=said):
            core.load(tmp_path / "opus")
    file.write_bytes(b"")
    with pytest.raises(CheckpointError, match="cannot be read") as error:
        core.load(tmp_path / "opus")
    assert "weights_only" not in str(error.value)


def test_copies_of_tied_tensors_must_be_equal(files, names, tmp_path):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    file = tmp_path / "opus" / "model.safetensors"
    tensors = safetensors.torch.load_file(file)
    table = tensors["model.shared.weight"]
    safetensors.torch.save_file({**tensors, "lm_head.weight": table.clone()}, file)
    core.load(tmp_path / "opus")
    safetensors.torch.save_file({**tensors, "lm_head.weight": table + 1}, file)
    with pytest.raises(
        CheckpointError, match=r"lm_head\.weight differs from model\.shared\.weight"
    ):
        core.load(tmp_path / "opus")
