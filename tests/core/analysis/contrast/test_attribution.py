"""Attribution of a logit difference: each method against its definition, in float64."""

import numpy as np
import pytest
import torch

from core.analysis.contrast import attribution
from core.analysis.contrast.attribution import Contrast, agreement, contrast
from core.analysis.trace.capture import trace
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from tests.core.helpers import small_config, small_model

STEP = 2


@pytest.fixture(scope="module")
def model():
    return small_model(small_config(vocabulary_size=397, max_positions=101)).double()


@pytest.fixture(scope="module")
def traced(model):
    vocabulary = JointVocabulary.learn([text for pair in sentence_pairs(300) for text in pair], 397)
    return trace(model, vocabulary, "the man sees a house", prefix=(5, 6, 7))


def tokens(traced):
    first, second = traced.steps[STEP].candidates[:2]
    return first.token, second.token


def logits(model, traced, scale=None):
    """The difference at the step, with the embeddings of the tokens times these factors."""
    source = torch.tensor([[piece.id for piece in traced.source.pieces]])
    consumed = torch.tensor([[piece.id for piece in traced.consumed[: STEP + 1]]])
    n = source.shape[1] + consumed.shape[1]
    factors = torch.ones(n, dtype=torch.float64) if scale is None else scale
    table = model.embedding
    with torch.no_grad():
        streams = []
        for ids, part in (
            (source, factors[: source.shape[1]]),
            (consumed, factors[source.shape[1] :]),
        ):
            vectors = table.weight[ids] * model.config.d_model**0.5
            places = table.positions_for(torch.arange(ids.shape[1]))
            streams.append(vectors * part[None, :, None] + places)
        visible = torch.ones(1, 1, 1, source.shape[1], dtype=torch.bool)
        memory = streams[0]
        for layer in model.encoder.layers:
            memory = layer(memory, visible)
        mask = torch.ones(consumed.shape[1], consumed.shape[1], dtype=torch.bool).tril()[None, None]
        stream = streams[1]
        for layer in model.decoder.layers:
            stream = layer(stream, layer.start(memory), mask, visible).stream
        scores = model.logits(stream)[0, -1]
    wanted, other = tokens(traced)
    return float(scores[wanted] - scores[other])


def asked(model, traced, method):
    wanted, other = tokens(traced)
    return contrast(model, traced, step=STEP, wanted=wanted, other=other, method=method)


def together(found):
    return np.concatenate((found.source, found.prefix))


@pytest.mark.parametrize("method", ["gradient_input", "integrated_gradients", "occlusion"])
def test_the_difference_is_that_of_the_step(model, traced, method):
    found = asked(model, traced, method)
    first, second = traced.steps[STEP].candidates[:2]
    assert found.difference == pytest.approx(
        first.log_probability_nats - second.log_probability_nats, abs=1e-5
    )
    assert found.difference == pytest.approx(logits(model, traced), abs=1e-10)
    assert found.source.shape == (len(traced.source.pieces),)
    assert found.prefix.shape == (STEP + 1,)


def test_occlusion_takes_one_token_away_at_a_time(model, traced):
    amounts = together(asked(model, traced, "occlusion"))
    whole = logits(model, traced)
    for number, amount in enumerate(amounts):
        scale = torch.ones(len(amounts), dtype=torch.float64)
        scale[number] = 0
        assert amount == pytest.approx(whole - logits(model, traced, scale), abs=1e-10)


def test_gradient_times_input_is_the_slope_in_each_token(model, traced):
    amounts = together(asked(model, traced, "gradient_input"))
    for number, amount in enumerate(amounts):
        step = torch.zeros(len(amounts), dtype=torch.float64)
        step[number] = 1e-5
        slope = (logits(model, traced, 1 + step) - logits(model, traced, 1 - step)) / 2e-5
        assert amount == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize(("n_points", "within"), [(None, 0.01), (2_000, 5e-4)])
def test_integrated_gradients_add_up_to_what_all_tokens_make(
    model, traced, monkeypatch, n_points, within
):
    """Completeness: the sum is the difference with all embeddings minus that with none."""
    if n_points:
        monkeypatch.setattr(attribution, "N_POINTS", n_points)
    amounts = together(asked(model, traced, "integrated_gradients"))
    none = logits(model, traced, torch.zeros(len(amounts), dtype=torch.float64))
    assert amounts.sum() == pytest.approx(logits(model, traced) - none, abs=within)


def test_small_batches_give_the_same(model, traced, monkeypatch):
    whole = [together(asked(model, traced, m)) for m in ("integrated_gradients", "occlusion")]
    monkeypatch.setattr(attribution, "TOKENS_AT_ONCE", 1)
    parts = [together(asked(model, traced, m)) for m in ("integrated_gradients", "occlusion")]
    np.testing.assert_allclose(parts, whole, atol=1e-10)


def test_exchanged_tokens_turn_the_signs(model, traced):
    wanted, other = tokens(traced)
    one = asked(model, traced, "occlusion")
    turned = contrast(model, traced, step=STEP, wanted=other, other=wanted, method="occlusion")
    np.testing.assert_allclose(together(turned), -together(one), atol=1e-12)


def test_agreement_is_of_ranks():
    def of(*amounts):
        return Contrast(0, 1, 2, 0.0, np.array(amounts[:2], float), np.array(amounts[2:], float))

    assert agreement(of(1, 2, 3, 9), of(10, 20, 21, 22)) == pytest.approx(1)
    assert agreement(of(1, 2, 3, 9), of(4, 3, 2, 1)) == pytest.approx(-1)
    assert agreement(of(1, 1, 2, 3), of(5, 5, 6, 7)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"step": 99}, "step 99 is not one of 0 .. "),
        ({"wanted": 397}, "token 397 is none of this model's; it has 0 to 396"),
        ({"other": -1}, "token -1 is none of this model's"),
    ],
)
def test_what_is_not_there_is_named(model, traced, given, message):
    with pytest.raises(ValueError, match=message):
        contrast(model, traced, **{"step": 0, "wanted": 1, "other": 2, **given})
