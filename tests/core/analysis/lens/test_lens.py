"""Both lenses: the last depth is the model itself, and every depth is that of the formula."""

import numpy as np
import pytest
import torch

from core.analysis.lens.decoder_lens import (
    lens_search,
    lens_search_of_all_depths,
    lens_translations,
)
from core.analysis.lens.logit_lens import logit_lens, ranks_of
from core.analysis.trace.capture import trace
from core.config import SearchConfig
from core.decoding.search import search
from core.decoding.translate import translate
from core.model.attention import not_padding
from core.model.decoder_state import Memory
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from tests.core.helpers import small_config, small_model

TEXTS = ["the man sees a house", "", "a man", "the old woman sees the red house"]
SEARCH = SearchConfig(max_extra_pieces=3)


@pytest.fixture(scope="module")
def vocabulary() -> JointVocabulary:
    return JointVocabulary.learn([text for pair in sentence_pairs(300) for text in pair], 397)


@pytest.fixture(scope="module")
def model():
    return small_model(small_config(vocabulary_size=397, max_positions=101))


@pytest.fixture(scope="module")
def traced(model, vocabulary):
    return trace(model, vocabulary, TEXTS[3], config=SEARCH)


def test_the_whole_encoder_translates_as_ever(model, vocabulary):
    n = model.config.n_encoder_layers
    assert lens_translations(model, vocabulary, TEXTS, n, SEARCH) == translate(
        model, vocabulary, TEXTS, SEARCH
    )


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_the_decoder_reads_that_layer(model, vocabulary, depth):
    """Against a search whose memory was run layer by layer, for sources of unlike lengths."""
    sources = [vocabulary.source.encode(text) for text in TEXTS if text]
    found = lens_search(model, sources, depth, SEARCH)
    for source, result in zip(sources, found, strict=True):
        ids = torch.tensor([[*source, 3]])
        visible = not_padding(ids, 0)
        with torch.no_grad():
            stream = model.encoder.embedding(model.embedding, ids, first=0)
            for layer in model.encoder.layers[:depth]:
                stream = layer(stream, visible)
            state = model.start(Memory(stream, visible, torch.arange(1)))
        [expected] = search(model, [source], SEARCH, state=state)
        assert result.best.tokens == expected.best.tokens
        assert result.best.score == pytest.approx(expected.best.score, abs=1e-4)


@pytest.mark.parametrize("config", [SEARCH, SEARCH.replace(method="sample", seed=4)], ids=str)
def test_all_depths_at_once_are_each_alone(model, vocabulary, config):
    source = vocabulary.source.encode(TEXTS[3])
    found = lens_search_of_all_depths(model, source, config)
    assert len(found) == model.config.n_encoder_layers + 1
    for depth, result in enumerate(found):
        [alone] = lens_search(model, [source], depth, config)
        assert result.best.tokens == alone.best.tokens
        assert result.best.score == pytest.approx(alone.best.score, abs=1e-4)
    assert len({result.best.tokens for result in found}) > 1, "or else their order is not tested"


def test_a_depth_that_is_not_there_is_named(model, vocabulary):
    with pytest.raises(ValueError, match="depth 9 is none of this encoder's: 0 to"):
        lens_search(model, [[5]], 9)


def test_the_last_row_is_the_models_own_answer(model, vocabulary, traced):
    found = logit_lens(model, vocabulary, traced)
    for step, candidates in enumerate(step.candidates for step in traced.steps):
        n = min(len(candidates), found.tokens.shape[-1])
        assert found.tokens[-1, step, :n].tolist() == [each.token for each in candidates[:n]]
        np.testing.assert_allclose(
            found.probabilities[-1, step, :n],
            np.exp([each.log_probability_nats for each in candidates[:n]]),
            rtol=1e-4,
        )
    written = np.exp([step.log_probability_nats for step in traced.steps])
    np.testing.assert_allclose(found.written_probabilities[-1], written, rtol=1e-4)


def test_every_depth_is_read_by_the_output_embedding(model, vocabulary, traced):
    found = logit_lens(model, vocabulary, traced, k=3)
    ids = torch.tensor([[piece.id for piece in traced.consumed]])
    source = torch.tensor([[piece.id for piece in traced.source.pieces]])
    with torch.no_grad():
        state = model.start(model.encode(source))
        streams = [model.decoder.embedding(model.embedding, ids, first=0)]
        mask = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()[None, None]
        for layer, own in zip(model.decoder.layers, state.layers, strict=True):
            streams.append(layer(streams[-1], own, mask, state.cross_visible).stream)
    wanted = [piece.id for piece in traced.target.pieces]
    for depth, stream in enumerate(streams):
        scores = model.logits(stream)[0]
        for step, row in enumerate(scores):
            order = row.argsort(descending=True).tolist()
            assert found.tokens[depth, step].tolist() == order[:3]
            assert found.ranks[depth, step] == 1 + order.index(wanted[step])
            assert found.names[depth][step] == tuple(vocabulary.target.names[t] for t in order[:3])
    assert (ranks_of(model, traced, wanted[0])[:, 0] == found.ranks[:, 0]).all()
    with pytest.raises(ValueError, match="token 397 is none of this model's; it has 0 to 396"):
        ranks_of(model, traced, 397)
