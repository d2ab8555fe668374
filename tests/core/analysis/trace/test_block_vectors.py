"""Recorded vectors make each other as Figure 1 says, and end in the trace's probabilities."""

import math

import numpy as np
import pytest
import torch

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.trace.block_vectors import model_vectors
from core.analysis.trace.capture import trace
from core.config import SearchConfig
from core.model import probing
from core.model.embedding import sinusoids
from tests.core.tracing import SENTENCE, model_for, traced_by

SHAPES = [
    {},
    {"n_encoder_layers": 4, "n_decoder_layers": 1, "n_heads": 1},
    {"positions": "learned", "output_bias": True, "attention_bias": True},
    {"positions": "none", "activation": "silu"},
]


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def exact(request, tokenizer):
    return model_for(tokenizer, **request.param)


@pytest.fixture(scope="module")
def traced(exact, tokenizer):
    return traced_by(exact, tokenizer)


@pytest.fixture(scope="module")
def vectors(exact, traced):
    return model_vectors(exact, traced)


def of_sides(traced, vectors):
    return (
        ("encoder", vectors.encoder, traced.source.pieces),
        ("decoder", vectors.decoder, traced.consumed),
    )


def layer_norm(x, gain, bias, epsilon):
    """By hand, over the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * gain + bias


def test_embedding_and_position_are_rows_of_the_tables_and_add_up(exact, traced, vectors):
    table = exact.embedding.weight.detach().numpy()
    for _, stack, pieces in of_sides(traced, vectors):
        ids = [piece.id for piece in pieces]
        scaled = table[ids] * math.sqrt(exact.config.d_model)
        np.testing.assert_allclose(stack.tokens, scaled, rtol=1e-12)
        if exact.config.positions == "none":
            assert not stack.positions.any()
        elif exact.config.positions == "learned":
            rows = exact.embedding.positions.detach().numpy()[: len(ids)]
            np.testing.assert_array_equal(stack.positions, rows)
        else:
            rows = sinusoids(len(ids), exact.config.d_model).numpy()
            np.testing.assert_allclose(stack.positions, rows, atol=1e-7)
        np.testing.assert_allclose(stack.embedded, stack.tokens + stack.positions, rtol=1e-12)


def test_each_sum_is_of_what_comes_in_and_each_norm_is_of_the_sum(exact, traced, vectors):
    """LayerNorm(x + Sublayer(x)), written out, through all layers of both stacks."""
    for side, stack, pieces in of_sides(traced, vectors):
        stream = stack.embedded
        names = ["self_attention", "cross_attention", "feed_forward"][:: 2 - (side == "decoder")]
        assert len(stack.layers) == getattr(exact.config, f"n_{side}_layers")
        for number, layer in enumerate(stack.layers):
            assert [each.name for each in layer.sublayers] == names
            for each in layer.sublayers:
                assert each.output.shape == (len(pieces), exact.config.d_model)
                np.testing.assert_allclose(each.residual_sum, stream + each.output, rtol=1e-12)
                module = exact.get_submodule(f"{side}.layers.{number}.{each.name}_norm.norm")
                np.testing.assert_array_equal(each.gain, module.weight.detach())
                np.testing.assert_array_equal(each.bias, module.bias.detach())
                by_hand = layer_norm(
                    each.residual_sum, each.gain, each.bias, exact.config.layer_norm_epsilon
                )
                np.testing.assert_allclose(each.normed, by_hand, rtol=1e-9, atol=1e-9)
                stream = each.normed
            np.testing.assert_array_equal(layer.output, stream)
        np.testing.assert_array_equal(stack.output, stream)


def test_feed_forward_is_equation_2_of_its_input_and_its_units(exact, traced, vectors):
    act = torch.nn.functional.silu if exact.config.activation == "silu" else torch.relu
    for side, stack, _ in of_sides(traced, vectors):
        for number, layer in enumerate(stack.layers):
            module = exact.get_submodule(f"{side}.layers.{number}.feed_forward")
            x = torch.from_numpy(layer.sublayers[-2].normed)
            hidden = act(x @ module.inner.weight.T + module.inner.bias)
            np.testing.assert_allclose(layer.hidden, hidden.detach(), rtol=1e-9, atol=1e-12)
            made = hidden @ module.outer.weight.T + module.outer.bias
            output = layer.sublayers[-1].output
            np.testing.assert_allclose(output, made.detach(), rtol=1e-9, atol=1e-9)


def test_the_distribution_is_the_traces(traced, vectors):
    assert len(vectors.logits) == len(traced.steps) == len(vectors.produced_logits)
    for row, (logits, step) in enumerate(zip(vectors.logits, traced.steps, strict=True)):
        expected = [each.log_probability_nats for each in step.candidates]
        assert expected
        np.testing.assert_allclose(logits - vectors.log_normalisers[row], expected, atol=1e-9)
        produced = vectors.produced_logits[row] - vectors.log_normalisers[row]
        assert produced == pytest.approx(step.log_probability_nats, abs=1e-9)


@pytest.mark.parametrize("search", [SearchConfig(method="sample", temperature=3.0, seed=4, max_extra_pieces=5),
                                    SearchConfig(method="greedy", n_candidates=2, max_extra_pieces=5)], ids=str)  # fmt: skip
def test_the_distribution_is_the_traces_however_it_was_searched(tokenizer, search):
    model = model_for(tokenizer)
    traced = trace(model, tokenizer, SENTENCE, config=search)
    found = model_vectors(model, traced)
    for row, step in enumerate(traced.steps):
        expected = [each.log_probability_nats for each in step.candidates]
        np.testing.assert_allclose(
            found.logits[row] - found.log_normalisers[row], expected, atol=1e-9
        )


def test_under_an_ablation_the_vectors_are_those_of_the_changed_model(tokenizer):
    model = model_for(tokenizer)
    ablation = Ablation.parse("enc.L1.ffn=skip,dec.L2=skip,enc.pos=off")
    with probing(model, ablating(model, [ablation])):
        changed = traced_by(model, tokenizer)
        found = model_vectors(model, changed)
    first = found.encoder.layers[0].sublayers
    assert not found.encoder.positions.any()
    assert not first[-1].output.any()
    np.testing.assert_array_equal(first[-1].residual_sum, first[0].normed)
    first_layer, skipped = found.decoder.layers[:2]
    np.testing.assert_array_equal(skipped.output, first_layer.output)
    assert np.abs(skipped.sublayers[-1].normed - skipped.output).max() > 0.1
    for row, step in enumerate(changed.steps):
        expected = [each.log_probability_nats for each in step.candidates]
        np.testing.assert_allclose(
            found.logits[row] - found.log_normalisers[row], expected, atol=1e-9
        )
