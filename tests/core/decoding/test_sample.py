"""Samples are drawn from the model's own distribution, and know how probable they are."""

import itertools

import numpy as np
import pytest
import torch

from core.decoding.sample import sample
from core.evaluation.likelihood import likelihood_statistics
from core.text.batches import pad
from tests.core.helpers import bare, sentences, small_config, small_model

SOURCES = sentences(5, 2, 9)


def ending_model(**shape):
    """A model that likes to end."""
    model = small_model(small_config(vocabulary_size=43, output_bias=True, **shape))
    with torch.no_grad():
        model.embedding.output_bias[model.config.end_id] += 4
    return model


@pytest.fixture(scope="module")
def model():
    return ending_model()


def padded(model, sources):
    return pad([[*row, model.config.end_id] for row in sources], model.config.pad_id)


def drawn(samples, model):
    """The tokens of each row without end and padding."""
    return [
        [int(token) for token in row if token not in (model.config.pad_id, model.config.end_id)]
        for row in samples.tokens
    ]


def draw(model, sources=SOURCES, seed=1, max_tokens=12, **more):
    generator = torch.Generator().manual_seed(seed)
    return sample(model, padded(model, sources), max_tokens=max_tokens, generator=generator, **more)


@pytest.mark.parametrize("ids", [{}, {"pad_id": 42, "start_id": 42, "end_id": 0, "unknown_id": 1}])
def test_the_log_probability_of_a_sample_is_the_teacher_forced_one(ids):
    model = ending_model(**ids)
    sources = SOURCES * 20
    samples = draw(model, sources, temperature=0.7, max_tokens=30)
    finished = samples.is_finished.nonzero()[:, 0].tolist()
    assert len(finished) > 5
    targets = drawn(samples, model)
    statistics = likelihood_statistics(
        bare(model), [sources[row] for row in finished], [targets[row] for row in finished]
    )
    total = samples.log_probs.sum(1)[finished]
    assert total.numpy() == pytest.approx(-statistics[:, 0], rel=1e-5)


def test_every_sample_of_one_source_is_its_own(model):
    several = draw(model, [SOURCES[0]] * 8)
    assert len({tuple(row) for row in several.tokens.tolist()}) > 1


def test_one_generator_gives_one_answer(model):
    one, again, other = draw(model), draw(model), draw(model, seed=2)
    assert one.tokens.equal(again.tokens)
    assert not one.tokens.equal(other.tokens)


def test_after_the_end_there_is_padding_without_probability(model):
    samples = draw(model, SOURCES * 30, max_tokens=3)
    ids = model.config.ids
    assert samples.is_finished.any()
    assert not samples.is_finished.all()
    for tokens, log_probs, is_finished in zip(
        samples.tokens, samples.log_probs, samples.is_finished, strict=True
    ):
        ends = (tokens == ids.end).nonzero()[:, 0].tolist()
        assert bool(is_finished) == bool(ends)
        if ends:
            assert len(ends) == 1
            assert set(tokens[ends[0] + 1 :].tolist()) <= {ids.pad}
            assert not log_probs[ends[0] + 1 :].any()
            assert (log_probs[: ends[0] + 1] < 0).all()
        assert not {ids.start, ids.unknown} & set(tokens.tolist())


def test_samples_are_drawn_as_often_as_they_are_probable():
    """All translations of up to two tokens of a tiny vocabulary, counted."""
    model = small_model(small_config(vocabulary_size=7))
    text = [4, 5, 6]
    n = 20_000
    samples = draw(model, [[4, 5]] * n, max_tokens=3)
    counts: dict[tuple[int, ...], int] = {}
    for tokens, is_finished in zip(drawn(samples, model), samples.is_finished, strict=True):
        if is_finished:
            counts[tuple(tokens)] = counts.get(tuple(tokens), 0) + 1
    for target in [(), *((a,) for a in text), *itertools.product(text, repeat=2)]:
        probability = _probability(model, [4, 5], target)
        deviation = np.sqrt(probability * (1 - probability) / n)
        assert counts.get(target, 0) / n == pytest.approx(probability, abs=5 * deviation + 1e-6)


def _probability(model, source, target):
    """Of a whole translation, when padding, start and unknown tokens are never drawn."""
    ids, probability = model.config.ids, 1.0
    with torch.no_grad():
        for n, token in enumerate([*target, ids.end]):
            consumed = torch.tensor([[ids.start, *target[:n]]])
            logits = model(padded(model, [source]), consumed)[0, -1]
            logits[[ids.pad, ids.start, ids.unknown]] = -torch.inf
            probability *= float(logits.softmax(-1)[token])
    return probability


def test_a_low_temperature_is_greedy(model):
    cold = draw(model, temperature=1e-6)
    assert cold.tokens.equal(draw(model, seed=2, temperature=1e-6).tokens)


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"temperature": 0.0}])
def test_nothing_to_draw_is_refused(model, wrong):
    with pytest.raises(ValueError, match="must be above 0"):
        draw(model, **wrong)
