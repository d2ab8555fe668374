"""Patching: one part at a time, against runs edited by hand; and what must carry all or nothing."""

import numpy as np
import pytest
import torch

from core.analysis.patching.patch import NotComparableError, patching
from core.analysis.trace.capture import trace
from core.config import KINDS, n_layers
from core.model import edit, probing, record
from core.model.transformer import attention_tap
from core.text.toy_grammar import sentence_pairs
from core.text.vocabulary import JointVocabulary
from tests.core.helpers import small_config, small_model


@pytest.fixture(scope="module")
def vocabulary():
    return JointVocabulary.learn([text for pair in sentence_pairs(300) for text in pair], 397)


@pytest.fixture(scope="module")
def model():
    return small_model(small_config(vocabulary_size=397, max_positions=101)).double()


@pytest.fixture(scope="module")
def pair(model, vocabulary):
    """Two sentences of as many pieces, with translations forced to part at step 2."""
    one, other = "the man sees a house", "the man sees the house"
    assert len(vocabulary.source.encode(one)) == len(vocabulary.source.encode(other))
    end = model.config.end_id
    return (
        trace(model, vocabulary, one, prefix=(5, 6, 7, 8, end)),
        trace(model, vocabulary, other, prefix=(5, 6, 9, 8, end)),
    )


@pytest.fixture(scope="module")
def found(model, pair):
    return patching(model, *pair)


def run(model, source, consumed, *probes):
    with torch.no_grad(), probing(model, *probes) as seen:
        state = model.start(model.encode(torch.tensor([source])))
        logits = model.logits(model.decode(torch.tensor([consumed]), state).stream[:, -1])[0]
    return float(logits[7] - logits[9]), seen, int(logits.argmax())


def test_the_translations_part_where_they_part(found, model, pair):
    ids = [[piece.id for piece in each.source.pieces] for each in pair]
    assert (found.step, found.of_a, found.of_b) == (2, 7, 9)
    assert found.difference_a == pytest.approx(run(model, ids[0], [2, 5, 6])[0], abs=1e-10)
    assert found.difference_b == pytest.approx(run(model, ids[1], [2, 5, 6])[0], abs=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_each_head_is_replaced_alone(found, model, pair, kind):
    source_a, source_b = ([piece.id for piece in each.source.pieces] for each in pair)
    whole = found.difference_b - found.difference_a
    for layer in range(n_layers(model.config, kind)):
        tap = attention_tap(kind, layer, "head_outputs")
        _, seen, _ = run(model, source_b, [2, 5, 6], record(tap))
        other = seen[tap][0]
        for head in (0, model.config.n_heads - 1):

            def replaced(tensor, head=head, other=other):
                changed = tensor.clone()
                changed[0, head] = other[head]
                return changed

            moved, _, writes = run(model, source_a, [2, 5, 6], edit({tap: replaced}))
            expected = (moved - found.difference_a) / whole
            assert found.heads[kind].shares[layer, head] == pytest.approx(expected, abs=1e-8)
            assert found.heads[kind].writes[layer, head] == writes


def test_streams_by_position(found, model, pair):
    """Only the token that differs carries something in the embeddings, and carries all of it."""
    differs = [
        n for n, (one, other) in enumerate(zip(*(t.source.pieces for t in pair), strict=True))
        if one.id != other.id
    ]  # fmt: skip
    assert len(differs) == 1
    expected = np.zeros(found.source_stream.shares.shape[1])
    expected[differs] = 1
    np.testing.assert_allclose(found.source_stream.shares[0], expected, atol=1e-8)
    np.testing.assert_allclose(
        found.target_stream.shares[0], 0, atol=1e-8
    )  # the prefix is the same
    assert found.target_stream.shares[-1, -1] == pytest.approx(1, abs=1e-8)
    assert found.target_stream.shares.shape == (model.config.n_decoder_layers + 1, 3)


def test_the_other_way_round_the_ends_change_places(found, model, pair):
    turned = patching(model, pair[1], pair[0])
    assert turned.difference_a == pytest.approx(-found.difference_b, abs=1e-10)
    assert turned.difference_b == pytest.approx(-found.difference_a, abs=1e-10)


def test_what_cannot_be_compared_is_said(model, vocabulary, pair):
    longer = trace(model, vocabulary, "the old man sees a house now", prefix=(5,))
    with pytest.raises(NotComparableError, match=r"the first has \d+ pieces, the second \d+"):
        patching(model, pair[0], longer)
    with pytest.raises(NotComparableError, match="both sentences have the same translation"):
        patching(model, pair[0], pair[0])
