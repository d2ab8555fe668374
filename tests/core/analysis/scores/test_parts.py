"""The parts of a score add up to it, and each is the product that it names."""

import numpy as np
import pytest
import torch

from core.analysis.head_place import HeadPlace
from core.analysis.scores.parts import score_parts
from core.analysis.scores.writers import WRITER_TAPS, written
from core.analysis.trace.capture import capture, ids_of, trace
from core.config import KINDS, n_layers
from core.model.transformer import attention_of, attention_tap
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from tests.core.helpers import small_config, small_model

SHAPES = {"plain": {}, "with biases": {"attention_bias": True}, "learned": {"positions": "learned"}}


@pytest.fixture(scope="module", params=SHAPES.values(), ids=SHAPES)
def made(request):
    model = small_model(
        small_config(vocabulary_size=397, max_positions=101, **request.param)
    ).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
            elif "norm" in name:
                parameter.uniform_(0.5, 2)
    vocabulary = JointVocabulary.learn([text for pair in sentence_pairs(300) for text in pair], 397)
    return model, trace(model, vocabulary, "the man sees a house", prefix=(5, 6, 7))


@pytest.mark.parametrize("kind", KINDS)
def test_the_writers_add_up_to_the_stream(made, kind):
    model, traced = made
    seen = capture(model, *ids_of(model, traced), WRITER_TAPS)
    for layer in range(n_layers(model.config, kind)):
        queries, keys = written(model, seen, kind, layer)
        if kind == "cross":
            expected = seen[f"decoder.layers.{layer}.self_attention_norm.output"][0]
            memory = seen[f"encoder.layers.{model.config.n_encoder_layers - 1}.output"][0]
        else:
            before = f"{kind}.layers.{layer - 1}.output" if layer else f"{kind}.embedding.output"
            expected = memory = seen[before][0]
        torch.testing.assert_close(queries.stream, expected, rtol=0, atol=1e-11)
        torch.testing.assert_close(keys.stream, memory, rtol=0, atol=1e-11)
        assert len(set(queries.writers)) == len(queries.writers)


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_add_up_to_the_scores(made, kind):
    model, traced = made
    tap = attention_tap(kind, "*", "scores")
    seen = capture(model, *ids_of(model, traced), [tap])
    for layer in range(n_layers(model.config, kind)):
        scores = seen[attention_tap(kind, layer, "scores")][0]
        for head in range(model.config.n_heads):
            for query in (0, 2):
                found = score_parts(model, traced, HeadPlace(kind, layer, head), query)
                n_keys = found.parts.shape[-1]
                np.testing.assert_allclose(found.scores, scores[head, query, :n_keys], atol=1e-10)
                assert n_keys == (query + 1 if kind == "decoder" else scores.shape[-1])


def test_the_first_layer_has_content_and_position_alone(made):
    model, traced = made
    found = score_parts(model, traced, HeadPlace("encoder", 0, 1), 2)
    assert found.query_writers == found.key_writers == ("token", "position", "biases")
    attention = attention_of(model, "encoder", 0)
    d_k = attention.query_projection.out_features // attention.n_heads
    rows = slice(d_k, 2 * d_k)
    ids = torch.tensor([piece.id for piece in traced.source.pieces])
    token = model.embedding.weight[ids] * model.config.d_model**0.5
    place = model.embedding.positions_for(torch.arange(len(ids)))
    with torch.no_grad():
        for one, query in enumerate((token, place)):
            for other, key in enumerate((token, place)):
                q = query[2] @ attention.query_projection.weight[rows].T
                k = key @ attention.key_projection.weight[rows].T
                np.testing.assert_allclose(found.parts[one, other], (k @ q) / d_k**0.5, atol=1e-10)


def test_what_is_not_there_is_named(made):
    model, traced = made
    with pytest.raises(ValueError, match=r"query 99 is not one of 0 \.\. "):
        score_parts(model, traced, HeadPlace("cross", 0, 0), 99)
    with pytest.raises(ValueError, match=r"cross\.L1H10 is none of this model's heads"):
        score_parts(model, traced, HeadPlace("cross", 0, 9), 0)
