"""Perplexity by hand, and BLEU as sacrebleu itself says it."""

import copy
import math

import numpy as np
import pytest
import sacrebleu
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluation.likelihood import (
    Likelihood,
    batch_likelihood,
    corpus_likelihood,
    likelihood_statistics,
)
from core.evaluation.scores import translation_scores
from core.text.batches import collate
from tests.core.helpers import END, START, bare, random_corpus, sentences

SOURCES, TARGETS = sentences(7, 2, 11, 5), sentences(3, 9, 0, 6, seed=17)


def pairs_likelihood(model, sources, targets):
    nll_nats, n_tokens = likelihood_statistics(bare(model), sources, targets).sum(0)
    return Likelihood(nll_nats, n_tokens)


def nll_by_hand(model, source, target):
    """-Σ log p(piece | pieces before it), `</s>` included, one piece at a time."""
    nll = 0.0
    with torch.no_grad():
        for n, piece in enumerate([*target, END]):
            logits = model(torch.tensor([[*source, END]]), torch.tensor([[START, *target[:n]]]))
            probabilities = logits[0, -1].exp() / logits[0, -1].exp().sum()
            nll -= math.log(probabilities[piece].item())
    return nll


def test_the_likelihood_of_pairs_is_that_computed_by_hand(model):
    likelihood = pairs_likelihood(model, SOURCES, TARGETS)
    by_hand = sum(nll_by_hand(model, *pair) for pair in zip(SOURCES, TARGETS, strict=True))
    assert likelihood.n_tokens == 3 + 9 + 0 + 6 + 4
    assert likelihood.nll_nats == pytest.approx(by_hand, rel=1e-10)
    assert likelihood.perplexity == pytest.approx(math.exp(by_hand / 22), rel=1e-10)


def test_every_pair_has_its_own_likelihood_in_its_own_row(model):
    statistics = likelihood_statistics(bare(model), SOURCES, TARGETS)
    by_hand = [nll_by_hand(model, *pair) for pair in zip(SOURCES, TARGETS, strict=True)]
    assert statistics[:, 0] == pytest.approx(by_hand, rel=1e-10)
    assert statistics[:, 1].tolist() == [4, 10, 1, 7]


def test_a_model_that_knows_nothing_has_the_perplexity_of_its_vocabulary(model):
    ignorant = copy.deepcopy(model)
    with torch.no_grad():
        ignorant.embedding.weight.zero_()
    likelihood = pairs_likelihood(ignorant, SOURCES, TARGETS)
    assert likelihood.perplexity == pytest.approx(model.config.vocabulary_size)


def test_a_corpus_and_its_pairs_agree(model):
    corpus = random_corpus(37)
    pairs = [corpus.pair(number) for number in range(37)]
    one = corpus_likelihood(model, corpus)
    other = pairs_likelihood(
        model, [p[0][:-1].tolist() for p in pairs], [p[1][:-1].tolist() for p in pairs]
    )
    assert one.n_tokens == other.n_tokens == corpus.target_lengths.sum()
    assert one.nll_nats == pytest.approx(other.nll_nats, rel=1e-10)


@pytest.mark.parametrize("n_shards", [2, 3, 7])
def test_shards_add_up(model, n_shards, monkeypatch):
    monkeypatch.setattr("core.text.batches.TOKENS_AT_ONCE", 20)
    corpus = random_corpus(23)
    whole = corpus_likelihood(model, corpus)
    total = Likelihood(0.0, 0)
    for shard in range(n_shards):
        part = corpus_likelihood(model, corpus, shard=shard, n_shards=n_shards)
        assert part.n_tokens < whole.n_tokens
        total += part
    assert total.n_tokens == whole.n_tokens
    assert total.nll_nats == pytest.approx(whole.nll_nats, rel=1e-10)


@settings(max_examples=15)
@given(tokens_at_once=st.integers(1, 200))
def test_how_pairs_are_batched_changes_nothing(model, tokens_at_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.text.batches.TOKENS_AT_ONCE", tokens_at_once)
        likelihood = pairs_likelihood(model, SOURCES, TARGETS)
    assert likelihood.n_tokens == 22
    assert likelihood.nll_nats == pytest.approx(
        pairs_likelihood(model, SOURCES, TARGETS).nll_nats, rel=1e-10
    )


def test_padding_costs_nothing(model):
    corpus = random_corpus(11)
    whole = batch_likelihood(model, collate(corpus, np.arange(11)))
    alone = Likelihood(0.0, 0)
    for number in range(11):
        alone += batch_likelihood(model, collate(corpus, np.array([number])))
    assert alone.n_tokens == whole.n_tokens
    assert alone.nll_nats == pytest.approx(whole.nll_nats, rel=1e-10)


def test_a_pair_beyond_the_models_positions_is_an_error(model):
    with pytest.raises(ValueError, match=r"^position 61 is beyond max_positions=61; shorten"):
        pairs_likelihood(model, [[5] * 61], [[5]])


def test_perplexity_survives_hopeless_likelihoods():
    assert Likelihood(1e9, 1).perplexity < math.inf
    assert Likelihood(0.0, 0).perplexity == 1.0


HYPOTHESES = ["Ein Mann sieht ein Haus.", "der Hund schläft heute", "Wo ist die Katze ?", ""]
REFERENCES = ["Der Mann sieht ein Haus.", "Der Hund schläft heute.", "Wo ist die Katze?", "Ja."]


def test_scores_are_sacrebleus_own():
    scores = translation_scores(HYPOTHESES, REFERENCES)
    bleu = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES])
    lowercased = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES], lowercase=True)
    chrf = sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES])
    assert scores["bleu"].value == bleu.score
    assert scores["bleu_lc"].value == lowercased.score
    assert scores["chrf"].value == chrf.score
    assert scores["bleu"].value < scores["bleu_lc"].value < 100


def test_signatures_say_how_a_score_was_made():
    scores = translation_scores(HYPOTHESES, REFERENCES)
    for name, case in (("bleu", "mixed"), ("bleu_lc", "lc")):
        parts = scores[name].signature.split("|")
        assert {"nrefs:1", f"case:{case}", "tok:13a", "smooth:exp", "bs:1000"} <= set(parts)
        assert f"version:{sacrebleu.__version__}" in parts
    assert "nc:6" in scores["chrf"].signature


@pytest.mark.parametrize(("n", "m"), [(2, 3), (0, 0)])
def test_as_many_translations_as_references(n, m):
    with pytest.raises(ValueError, match=rf"^{n} translations and {m} references; give as many"):
        translation_scores(["a"] * n, ["a"] * m)
