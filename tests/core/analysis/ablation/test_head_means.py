"""Mean head outputs: what one head brings on average, kept beside the weights they belong to."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.ablation.head_means import MEANS, head_means, read_means
from core.checkpoint.folder import Checkpoint, load_checkpoint
from core.config import KINDS, n_layers
from core.model import probing, record
from core.model.transformer import attention_tap
from core.text.toy_grammar import sentence_pairs
from tests.checkpoints import write_checkpoint
from tests.core.helpers import END, START, small_config, small_model

PAIRS = list(sentence_pairs(5))


@pytest.fixture(scope="module")
def exact(tokenizer):
    return Checkpoint(small_model(small_config(vocabulary_size=397)), tokenizer)


def test_a_mean_is_over_every_position_that_is_not_padding(exact, tokenizer):
    """Sentence by sentence, so that no padding ever comes up."""
    means = head_means(exact, PAIRS)
    for kind in KINDS:
        for layer in range(n_layers(exact.config, kind)):
            tap, seen = attention_tap(kind, layer, "head_outputs"), []
            for source, target in PAIRS:
                ids = torch.tensor([[*tokenizer.encode(source), END]])
                consumed = torch.tensor([[START, *tokenizer.encode(target)]])
                with torch.no_grad(), probing(exact.model, record(tap)) as recording:
                    exact.model(ids, consumed)
                seen.append(recording[tap][0])
            wanted = torch.cat(seen, dim=1).mean(1)
            assert_close(
                torch.from_numpy(means.outputs[kind][layer]).double(), wanted, rtol=1e-6, atol=1e-6
            )
    assert means.n_sentences == 5


def test_they_belong_to_a_text_and_to_weights(exact, tokenizer):
    means = head_means(exact, PAIRS)
    other_text = head_means(exact, PAIRS[:-1])
    other_model = Checkpoint(small_model(small_config(vocabulary_size=397), seed=2), tokenizer)
    assert means.data_hash == head_means(exact, PAIRS).data_hash != other_text.data_hash
    assert means.weights_hash == other_text.weights_hash
    assert means.weights_hash != head_means(other_model, PAIRS).weights_hash


def test_they_are_stored_in_the_checkpoint_and_found_there(tmp_path):
    write_checkpoint(tmp_path / "tiny")
    checkpoint = load_checkpoint(tmp_path / "tiny")
    means = head_means(checkpoint, PAIRS)
    means.save(tmp_path / "tiny")
    found = read_means(load_checkpoint(tmp_path / "tiny"))
    for kind in KINDS:
        assert np.array_equal(found.outputs[kind], means.outputs[kind])
    assert dataclasses.replace(found, outputs={}) == dataclasses.replace(means, outputs={})
    ablating(checkpoint.model, [Ablation.parse("cross.L1H1=mean")], found)
    assert not list((tmp_path / "tiny").glob(".*"))


def test_absent_broken_and_foreign_ones_say_how_to_make_them(tmp_path):
    folder = tmp_path / "tiny"
    write_checkpoint(folder)
    checkpoint = load_checkpoint(folder)
    with pytest.raises(
        ValueError, match=rf"means\.npz is missing, .* python -m core means --checkpoint {folder}"
    ):
        read_means(checkpoint)
    means = head_means(checkpoint, PAIRS)
    dataclasses.replace(means, weights_hash="other").save(folder)
    with pytest.raises(ValueError, match=r"was measured with other weights than these; make it"):
        read_means(checkpoint)
    means.save(folder)
    whole = (folder / MEANS).read_bytes()
    for n in (0, 10, len(whole) // 2, len(whole) - 5):
        (folder / MEANS).write_bytes(whole[:n])
        with pytest.raises(
            ValueError, match=r"means\.npz cannot be read .*; make it with"
        ) as refused:
            read_means(checkpoint)
        assert "pickle" not in str(refused.value)


@pytest.mark.parametrize("change", ["another shape", "another type", "lost", "too large"])
def test_means_of_another_shape_say_how_to_make_them(tmp_path, change):
    folder = tmp_path / "tiny"
    write_checkpoint(folder)
    checkpoint = load_checkpoint(folder)
    means = head_means(checkpoint, PAIRS)
    cross = {
        "another shape": means.outputs["cross"][:-1],
        "another type": means.outputs["cross"].astype(np.int32),
        "lost": None,
        "too large": np.zeros(20_000_000, np.float32),
    }[change]
    outputs = {
        kind: array
        for kind, array in {**means.outputs, "cross": cross}.items()
        if array is not None
    }
    dataclasses.replace(means, outputs=outputs).save(folder)
    with pytest.raises(
        ValueError,
        match=r"means\.npz cannot be read .*(cross must be float32 of shape|unpacks to).*; make it with",
    ):
        read_means(checkpoint)


def test_no_text_has_no_mean(exact):
    with pytest.raises(ValueError, match="needs at least one sentence pair"):
        head_means(exact, [])
