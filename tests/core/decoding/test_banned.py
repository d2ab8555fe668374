"""What a vocabulary never writes is written by no method, whoever asks for the translation."""

import json

import pytest
import torch

from core.analysis.ablation import Ablation
from core.analysis.effects.sentence import sentence_effects
from core.analysis.trace.capture import trace
from core.analysis.trace.self_check import self_check
from core.checkpoint.folder import Checkpoint
from core.cli.translate import _as_json
from core.config import SearchConfig
from core.decoding.banned import banned_ids
from core.decoding.sample import sample
from core.decoding.translate import translate, written
from core.evaluation.likelihood import likelihood_statistics
from core.evaluation.scores import Score
from core.text.batches import pad
from core.training.texts import Texts
from core.training.train import _bleu_scorer
from core.translator import Translator
from tests.core.helpers import bare, corpus_of, small_config
from tests.core.tracing import SENTENCE, model_for

METHODS = {
    "greedy": SearchConfig(method="greedy", max_extra_pieces=3),
    "beam": SearchConfig(max_extra_pieces=3),
    "sample": SearchConfig(method="sample", max_extra_pieces=3),
}


@pytest.fixture(scope="module")
def model(tokenizer):
    """Nothing does it like better than line feeds and other control characters."""
    model = model_for(tokenizer, output_bias=True)
    with torch.no_grad():
        model.embedding.output_bias[sorted(tokenizer.unwritable)] += 300
        model.embedding.output_bias[tokenizer.names.index("<0x0A>")] += 100
    return model


@pytest.fixture(scope="module")
def translator(model, tokenizer):
    return Translator(Checkpoint(model, tokenizer))


def test_the_end_is_never_banned():
    config = small_config(vocabulary_size=10, pad_id=9, unknown_id=1, start_id=9, end_id=0)
    assert banned_ids(config, {0, 5}) == {9, 1, 5}


def test_a_model_may_be_allowed_to_write_the_unknown_token():
    config = small_config(vocabulary_size=10, writes_unknown=True)
    assert config.unknown_id not in banned_ids(config)
    assert {config.pad_id, config.start_id} <= banned_ids(config)


@pytest.mark.parametrize("method", METHODS)
def test_no_method_writes_what_the_vocabulary_never_writes(model, translator, tokenizer, method):
    search = METHODS[method]
    written = [
        *(hypothesis.tokens for hypothesis in translator.search([SENTENCE], search)[0].hypotheses),
        *(hypothesis.tokens for hypothesis in translator.trace(SENTENCE, search).found.hypotheses),
        *(
            effect.found.best.tokens
            for effect in sentence_effects(
                model,
                tokenizer,
                trace(model, tokenizer, SENTENCE, config=search),
                [Ablation.parse("cross.L1H1=0")],
            )
        ),
    ]
    for tokens in written:
        assert tokens
        assert not tokenizer.unwritable & set(tokens)


def test_what_is_banned_is_still_among_the_candidates(translator, tokenizer):
    (found,) = translator.search([SENTENCE], METHODS["greedy"])
    assert found.best.steps[0].candidates[0].token == tokenizer.names.index("<0x0A>")


def test_a_sample_holds_none_of_it(model, tokenizer):
    source = pad([[*tokenizer.encode(SENTENCE), 3]] * 20, 0)
    drawn = sample(model, source, max_tokens=5, unwritable=tokenizer.unwritable)
    assert not tokenizer.unwritable & set(drawn.tokens.flatten().tolist())


def test_what_is_scored_while_training_holds_none_of_it(model, tokenizer, monkeypatch):
    scored = []

    def scores(translations, references, **_):
        scored.extend(translations)
        return {"bleu": Score(0.0, "")}

    monkeypatch.setattr("core.evaluation.scores.translation_scores", scores)
    sources = ["The old man.", "The house."]
    corpus = corpus_of(tokenizer.encode_lines(sources), tokenizer.encode_lines(sources))
    _bleu_scorer(Texts(tokenizer, corpus, {"held-out": corpus}), 2)(model)
    greedy = SearchConfig(method="greedy", n_candidates=0)
    assert scored == translate(model, tokenizer, sources, greedy)


def test_a_given_translation_may_hold_it(model, tokenizer):
    tokens = [*tokenizer.encode("Der Mann"), tokenizer.names.index("<0x0A>"), 3]
    traced = trace(model, tokenizer, SENTENCE, prefix=tokens)
    assert traced.target.text == "Der Mann\n"
    assert all(check.passed for check in self_check(model, traced))
    [(nll_nats, n_tokens)] = likelihood_statistics(
        bare(model), [tokenizer.encode(SENTENCE)], [tokens[:-1]]
    )
    assert n_tokens == len(tokens)
    assert traced.best.log_probability_nats == pytest.approx(-nll_nats)


SPLIT = ("\x85", "\u2028", "\u2029")
"""Separators that bytes make, none of which is one alone."""


@pytest.mark.parametrize("separator", SPLIT)
def test_bytes_that_make_a_separator_are_no_end_of_a_line(tokenizer, separator):
    tokens = [tokenizer.names.index(f"<0x{byte:02X}>") for byte in separator.encode()]
    assert not tokenizer.unwritable & set(tokens)
    assert tokenizer.decode([*tokenizer.encode("A"), *tokens]) == f"A{separator}"
    text = written(tokenizer, [*tokenizer.encode("A"), *tokens, *tokenizer.encode("dog")])
    assert text == "A  dog"


@pytest.mark.parametrize("separator", SPLIT)
def test_json_is_one_line_too(translator, separator):
    text = f"A{separator}dog."
    (line,) = _as_json(translator, [text], METHODS["greedy"])
    assert len(line.splitlines()) == 1
    assert json.loads(line)["source"] == text
