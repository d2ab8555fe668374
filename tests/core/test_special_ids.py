"""Special ids are the model's own, wherever ids become batches: no part may assume this project's.

Hugging Face's Marian numbers them so: the end is 0, and padding and start are one id, the last.
"""

import dataclasses

import numpy as np
import pytest
import torch

from core.analysis.effects.pruning import head_importance
from core.config import KINDS, SearchConfig
from core.decoding.search import search
from core.evaluation.likelihood import corpus_likelihood, likelihood_statistics
from core.model import probing, record
from core.model.transformer import attention_tap
from core.text.batches import collate, text_batches
from core.training.objective import TeacherForcing
from tests.core.helpers import bare, corpus_of, small_config, small_model

N = 43
MARIAN = {"pad_id": N - 1, "start_id": N - 1, "end_id": 0, "unknown_id": 1}
SOURCES = [[7, 9, 30], [5, 12, 18, 22, 31, 8, 4], [11]]
TARGETS = [[4, 2, 3], [33, 21], [3, 17, 24, 40, 6]]


@pytest.fixture(scope="module")
def marian():
    return small_model(small_config(vocabulary_size=N, **MARIAN))


def test_a_search_and_a_likelihood_of_the_same_translation_agree(marian):
    found = search(marian, SOURCES, SearchConfig(max_extra_pieces=4))
    translations = [each.best.tokens for each in found]
    statistics = likelihood_statistics(bare(marian), SOURCES, translations)
    log_probabilities = [each.best.log_probability_nats for each in found]
    assert -statistics[:, 0] == pytest.approx(log_probabilities, rel=1e-9)


def test_batches_hold_the_ids_of_the_model(marian):
    [batch] = text_batches(SOURCES, TARGETS)
    row, padded = batch.indices.tolist().index(0), batch.padded(marian.config.ids)
    assert padded.source[row].tolist() == [7, 9, 30, 0, *[N - 1] * 4]
    assert padded.target[row].tolist() == [N - 1, 4, 2, 3, 0, *[N - 1] * 2]


def test_a_tokenised_corpus_is_padded_by_its_own_ids(marian):
    corpus = corpus_of(SOURCES, TARGETS, ids=marian.config.ids)
    assert collate(corpus, np.array([0])).target.tolist() == [[N - 1, 4, 2, 3, 0]]
    nll_nats = likelihood_statistics(bare(marian), SOURCES, TARGETS)[:, 0].sum()
    assert corpus_likelihood(marian, corpus).nll_nats == pytest.approx(nll_nats, rel=1e-9)
    batch = collate(corpus, np.arange(3))
    loss = TeacherForcing(marian, label_smoothing=0.0)(batch.source, batch.target)
    assert loss.item() == pytest.approx(nll_nats, rel=1e-9)


def test_what_is_measured_of_heads_is_the_same_in_a_batch_as_alone(marian):
    together = head_importance(bare(marian), SOURCES, TARGETS)
    alone = [
        head_importance(bare(marian), [source], [target])
        for source, target in zip(SOURCES, TARGETS, strict=True)
    ]
    for kind in KINDS:
        assert together[kind] == pytest.approx(
            np.mean([each[kind] for each in alone], axis=0), rel=1e-7
        )


def test_padding_is_not_seen(marian):
    [batch] = (each.padded(marian.config.ids) for each in text_batches(SOURCES, TARGETS))
    with torch.no_grad(), probing(marian, record("*.weights")) as seen:
        marian(batch.source, batch.target[:, :-1])
    is_padding = batch.source == N - 1
    weights = seen[attention_tap("cross", 0)]
    assert is_padding.any()
    assert not weights.transpose(1, 3)[is_padding].any()


def test_an_end_that_is_padding_is_refused():
    with pytest.raises(ValueError, match="end_id=5 is also pad_id; the end token would be masked"):
        dataclasses.replace(small_config(), end_id=5, pad_id=5)
