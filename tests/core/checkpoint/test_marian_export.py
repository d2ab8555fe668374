"""A checkpoint as a Marian folder; `bench/agreement.py` opens one with transformers itself."""

import json
import math

import pytest
import safetensors.torch
import torch

import core
from core.checkpoint.folder import Checkpoint
from core.checkpoint.marian_export import export_marian, marian_tensors, token_order
from core.checkpoint.required import CheckpointError
from core.cli import main
from core.config import ModelConfig
from core.model import build
from core.model.embedding import sinusoids
from core.text.vocabulary import IDS
from tests.core.checkpoint.test_marian import settings, write_marian
from tests.core.text.test_marian import files, missing, models, names

__all__ = ["files", "missing", "models", "names"]


def shape(**changes):
    return ModelConfig(**{
        "vocabulary_size": 20, "n_encoder_layers": 2, "n_decoder_layers": 2, "d_model": 16,
        "d_ff": 24, "n_heads": 4, "d_k": 4, "d_v": 4, "max_positions": 8, **changes,
    })  # fmt: skip


def test_a_marian_folder_comes_back_as_it_was(files, names, tmp_path):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    main(["export", "--checkpoint", str(tmp_path / "opus"), "--huggingface", str(tmp_path / "out")])
    there, back = (
        safetensors.torch.load_file(tmp_path / each / "model.safetensors")
        for each in ("opus", "out")
    )
    there.pop("model.encoder.embed_positions.weight")
    assert back.keys() == there.keys()
    assert all(tensor.equal(there[name]) for name, tensor in back.items())
    for name, content in files.items():
        assert (tmp_path / "out" / name).read_bytes() == content
    one, other = (core.load(tmp_path / each).checkpoint for each in ("opus", "out"))
    assert one.config == other.config.replace(never_written=())


def test_the_bundled_vocabulary_keeps_its_pieces_in_another_order(tmp_path):
    checkpoint = core.load("en-de").checkpoint
    export_marian(checkpoint, tmp_path / "out", half=True)
    table = json.loads((tmp_path / "out" / "vocab.json").read_text())
    names = sorted(table, key=table.__getitem__)
    assert names[:2] == ["</s>", "<unk>"]
    assert names[-2:] == ["<s>", "<pad>"]
    assert set(names) == set(checkpoint.vocabulary.names)
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    never = {names[id_] for (id_,) in generation["bad_words_ids"]}
    assert {"<pad>", "<s>", "<unk>", "<0x0A>"} <= never
    assert "</s>" not in never
    assert (tmp_path / "out" / "README.md").read_text() == checkpoint.card
    with pytest.raises(CheckpointError, match="a position table of its own"):
        core.load(tmp_path / "out")


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
def test_tensors_make_up_for_what_marian_does_otherwise(positions):
    """Marian's forward pass, written down here, on the tensors gives our logits."""
    torch.manual_seed(3)
    model = build(shape(positions=positions, layer_norm_epsilon=1e-3)).double().eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    order = token_order(model.config)
    tensors = marian_tensors(model, order)
    source, target = torch.tensor([[5, 9, 7, IDS.end]]), torch.tensor([[IDS.start, 8, 11]])
    with torch.no_grad():
        ours = model(source, target)[0][:, order]
    number = {own: there for there, own in enumerate(order)}
    there = [number[int(id_)] for id_ in source[0]], [19, *(number[int(i)] for i in target[0, 1:])]
    theirs = marian_logits(tensors, *there, n_heads=4)
    assert theirs[:, :-1].allclose(ours[:, :-1], atol=1e-9)  # the last is padding
    assert bool((theirs[:, -1] < -1_000).all())


def marian_logits(tensors, source, target, *, n_heads):
    """Post-norm layers, halves, ε = 1e-5, start at padding: models/marian/modeling_marian.py."""
    d = tensors["model.shared.weight"].shape[1]

    def linear(x, name):
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(x, name):
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return torch.nn.functional.layer_norm(x, (d,), weight, bias, 1e-5)

    def attention(x, keys, name, mask):
        q, k, v = (
            linear(each, f"{name}.{kind}_proj").unflatten(-1, (n_heads, -1)).transpose(0, 1)
            for each, kind in ((x, "q"), (keys, "k"), (keys, "v"))
        )
        scores = q @ k.mT / math.sqrt(q.shape[-1]) + mask
        return linear((scores.softmax(-1) @ v).transpose(0, 1).flatten(1), f"{name}.out_proj")

    def feed_forward(x, name):
        return norm(
            x + linear(linear(x, f"{name}.fc1").relu(), f"{name}.fc2"), f"{name}.final_layer_norm"
        )

    def embedded(ids, stack):
        usual = sinusoids(8, d, halves=True).double()
        table = tensors.get(f"model.{stack}.embed_positions.weight", usual)
        return tensors["model.shared.weight"][torch.tensor(ids)] * math.sqrt(d) + table[: len(ids)]

    memory = embedded(source, "encoder")
    for layer in range(2):
        name = f"model.encoder.layers.{layer}"
        seen = attention(memory, memory, f"{name}.self_attn", 0)
        memory = feed_forward(norm(memory + seen, f"{name}.self_attn_layer_norm"), name)
    x, causal = embedded(target, "decoder"), torch.full((len(target),) * 2, -torch.inf).triu(1)
    for layer in range(2):
        name = f"model.decoder.layers.{layer}"
        seen = attention(x, x, f"{name}.self_attn", causal)
        x = norm(x + seen, f"{name}.self_attn_layer_norm")
        seen = attention(x, memory, f"{name}.encoder_attn", 0)
        x = feed_forward(norm(x + seen, f"{name}.encoder_attn_layer_norm"), name)
    return x @ tensors["model.shared.weight"].T + tensors["final_logits_bias"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"separator_id": 4, "retry_id": 5}, "Marian has no drafts"),
        ({"n_fixed_heads": 2}, "Marian has no heads that are fixed"),
        ({"d_k": 2}, "d_k=2, d_v=4, d_model=16: Marian's heads share d_model evenly"),
        ({"n_heads": 2}, "n_heads=2, d_k=4"),
        ({"d_v": 8}, "d_v=8"),
    ],
)
def test_what_marian_cannot_be_is_refused_with_the_reason(tmp_path, changes, said):
    checkpoint = Checkpoint(build(shape(**changes)), core.load("en-de").checkpoint.vocabulary)
    with pytest.raises(ValueError, match=said):
        export_marian(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_padding_that_is_not_the_last_token_becomes_it(models, names, tmp_path):
    """CTranslate2 takes the last one away."""
    pad_first = [*names[:2], "<pad>", *names[2:-1]]
    table = json.dumps({name: number for number, name in enumerate(pad_first)}).encode()
    files = {"source.spm": models[0], "target.spm": models[1], "vocab.json": table}
    values = settings(len(names), pad_token_id=2, decoder_start_token_id=2)
    write_marian(tmp_path / "opus", files, values)
    main(["export", "--checkpoint", str(tmp_path / "opus"), "--huggingface", str(tmp_path / "out")])
    one, other = (core.load(tmp_path / each) for each in ("opus", "out"))
    assert other.checkpoint.vocabulary.target.names[-1] == "<pad>"
    for text in ("the old man", "a dog sees a house"):
        assert other.translate([text]) == one.translate([text])


@pytest.mark.parametrize("name", ["thesis", "ours", "opus"])
def test_a_folder_that_would_be_lost_is_refused(files, names, tmp_path, capsys, name):
    write_marian(tmp_path / "opus", files, settings(len(names)))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("words")
    main(["import", "--marian", str(tmp_path / "opus"), "--output", str(tmp_path / "ours")])
    before = sorted((tmp_path / name).iterdir())
    with pytest.raises(SystemExit):
        main(["export", "--checkpoint", str(tmp_path / "opus"),
              "--huggingface", str(tmp_path / name)])  # fmt: skip
    assert "would be lost" in capsys.readouterr().err
    assert sorted((tmp_path / name).iterdir()) == before
    main(["export", "--checkpoint", str(tmp_path / "opus"), "--huggingface", str(tmp_path / "out")])
    main(["export", "--checkpoint", str(tmp_path / "opus"), "--huggingface", str(tmp_path / "out")])
