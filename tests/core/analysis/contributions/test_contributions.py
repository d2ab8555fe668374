"""ALTI+: the parts of a block add up to its output, and the rollout is that of the formulas."""

import numpy as np
import pytest
import torch

from core.analysis.contributions import decompose
from core.analysis.contributions.decompose import BLOCK_TAPS, block_parts
from core.analysis.contributions.rollout import batch_contributions, contributions
from core.analysis.trace.capture import capture, trace
from core.config import KINDS, SearchConfig, n_layers
from core.text.batches import text_batches
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from tests.core.helpers import small_config, small_model

SHAPES = {
    "asymmetric": {},
    "with biases": {"attention_bias": True},
    "learned positions": {"positions": "learned"},
    "one head": {"n_heads": 1},
}


@pytest.fixture(scope="module")
def vocabulary() -> JointVocabulary:
    return JointVocabulary.learn([text for pair in sentence_pairs(300) for text in pair], 397)


def model_of(shape):
    made = small_model(small_config(vocabulary_size=397, max_positions=101, **shape)).double()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
            elif "norm" in name:
                parameter.uniform_(0.5, 2)
    return made


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_parts_add_up_to_the_blocks_output(shape):
    """In float64, for every block, and for a sentence that is padded in its batch."""
    model = model_of(shape)
    source = torch.tensor([[5, 6, 7, 8, 3], [9, 10, 3, 0, 0]])
    consumed = torch.tensor([[2, 11, 12, 13], [2, 14, 15, 0]])
    seen = capture(model, source, consumed, BLOCK_TAPS)
    for row, (n_source, n_steps) in enumerate([(5, 4), (3, 3)]):
        for kind in KINDS:
            n_queries = n_source if kind == "encoder" else n_steps
            n_keys = n_steps if kind == "decoder" else n_source
            for layer in range(n_layers(model.config, kind)):
                parts = block_parts(
                    model, seen, kind, layer, row=row, n_queries=n_queries, n_keys=n_keys
                )
                assert parts.keys.shape == (n_queries, n_keys, model.config.d_model)
                total = parts.keys.sum(1) + parts.residual + parts.constant
                torch.testing.assert_close(total, parts.output, rtol=0, atol=1e-12)


def test_contributions_by_hand(vocabulary):
    """max(0, ‖y‖₁ − ‖y − T‖₁) with loops, then shares of the row."""
    model = model_of({})
    seen = capture(model, torch.tensor([[5, 6, 3]]), torch.tensor([[2, 11]]), BLOCK_TAPS)
    parts = block_parts(model, seen, "cross", 1, row=0, n_queries=2, n_keys=3)
    own = block_parts(model, seen, "encoder", 0, row=0, n_queries=3, n_keys=3)
    for found, block, is_self in (
        (parts.contributions, parts, False), (own.self_contributions, own, True),
    ):  # fmt: skip
        for q, y in enumerate(block.output):
            kept = []
            for k in range(block.keys.shape[1]):
                part = block.keys[q, k] + (block.residual[q] if is_self and k == q else 0)
                kept.append(max(0.0, float(y.abs().sum() - (y - part).abs().sum())))
            if not is_self:
                kept.append(max(0.0, float(y.abs().sum() - (y - block.residual[q]).abs().sum())))
            np.testing.assert_allclose(found[q], np.array(kept) / sum(kept), atol=1e-12)


@pytest.fixture(scope="module")
def traced(vocabulary):
    model = model_of({})
    return model, trace(
        model, vocabulary, "the man sees a house", config=SearchConfig(max_extra_pieces=2)
    )


def test_the_rollout_follows_the_formulas(traced):
    model, sentence = traced
    found = contributions(model, sentence)
    source = torch.tensor([[piece.id for piece in sentence.source.pieces]])
    consumed = torch.tensor([[piece.id for piece in sentence.consumed]])
    seen = capture(model, source, consumed, BLOCK_TAPS)
    s, t = source.shape[1], consumed.shape[1]
    encoder = np.eye(s)
    for layer in range(model.config.n_encoder_layers):
        block = block_parts(model, seen, "encoder", layer, row=0, n_queries=s, n_keys=s)
        encoder = block.self_contributions.numpy() @ encoder
        np.testing.assert_allclose(found.encoder[layer], encoder, atol=1e-12)
    rolled = np.hstack((np.zeros((t, s)), np.eye(t)))
    for layer in range(model.config.n_decoder_layers):
        own = block_parts(model, seen, "decoder", layer, row=0, n_queries=t, n_keys=t)
        cross = block_parts(model, seen, "cross", layer, row=0, n_queries=t, n_keys=s)
        of_cross = cross.contributions.numpy()
        after = np.zeros_like(rolled)
        for step in range(t):
            after[step, :s] += of_cross[step, :s] @ encoder
            for past in range(step + 1):
                share = of_cross[step, s] * float(own.self_contributions[step, past])
                after[step] += share * rolled[past]
        rolled = after
        np.testing.assert_allclose(found.source[layer], rolled[:, :s], atol=1e-12)
        np.testing.assert_allclose(found.prefix[layer], rolled[:, s:], atol=1e-12)
    np.testing.assert_allclose(found.together.sum(-1), 1, atol=1e-12)
    np.testing.assert_allclose(found.source_share, rolled[:, :s].sum(-1))
    assert (np.triu(found.prefix[-1], k=1) == 0).all()  # nothing comes from later steps


def test_some_queries_at_a_time_give_the_same(traced, monkeypatch):
    model, sentence = traced
    whole = contributions(model, sentence)
    monkeypatch.setattr(decompose, "MOST_NUMBERS", 2 * 6 * model.config.d_model)
    parts = contributions(model, sentence)
    for name in ("encoder", "source", "prefix"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-12)


def test_a_text_gives_each_sentence_its_own(traced, vocabulary):
    model, sentence = traced
    texts = [(sentence.source.text, sentence.best.tokens), ("a", (5, 6, 7)), ("the old man", (8,))]
    sources = [vocabulary.source.encode(text) for text, _ in texts]
    found = {}
    for batch in text_batches(sources, [list(tokens) for _, tokens in texts]):
        found.update(zip(batch.indices.tolist(), batch_contributions(model, batch), strict=True))
    alone = contributions(model, sentence)
    np.testing.assert_allclose(found[0].source, alone.source, atol=1e-10)
    np.testing.assert_allclose(found[0].prefix, alone.prefix, atol=1e-10)
    assert found[1].source.shape[1:] == (4, len(sources[1]) + 1)
