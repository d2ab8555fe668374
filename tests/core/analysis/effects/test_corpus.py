"""Effects on a text: scores of a translation under the ablation, paired differences, kept results."""

import dataclasses
import itertools

import numpy as np
import pytest
import sacrebleu

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.effects import corpus
from core.analysis.effects.corpus import SCORES, corpus_effects
from core.analysis.effects.corpus_results import SWEEP, read_sweep
from core.analysis.result_cache import DiskCache
from core.checkpoint.folder import Checkpoint
from core.config import SearchConfig
from core.evaluation.bootstrap import bleu_statistics, corpus_score, paired_difference
from core.evaluation.likelihood import likelihood_statistics
from core.model import probing
from core.system.files import write_json
from core.text.toy_grammar import sentence_pairs
from core.translator import Translator
from tests.core.ablations import random_means
from tests.core.helpers import small_config, small_model

GREEDY = SearchConfig(method="greedy", max_extra_pieces=3)
PAIRS = list(sentence_pairs(12))
SOURCES, REFERENCES = ([pair[side] for pair in PAIRS] for side in (0, 1))
ABLATIONS = [Ablation.parse(text) for text in ("", "cross.L3H5=0,enc.L2=skip", "dec.L1H2=mean")]


@pytest.fixture(scope="module")
def checkpoint(tokenizer):
    return Checkpoint(small_model(small_config(vocabulary_size=397, max_positions=101)), tokenizer)


@pytest.fixture(scope="module")
def measured(checkpoint):
    return corpus_effects(checkpoint, PAIRS, ABLATIONS, search=GREEDY, means=random_means())


def test_the_empty_ablation_has_no_effect(measured):
    nothing = measured.effects[0]
    assert nothing.scores == measured.scores
    for name in SCORES:
        assert nothing.differences[name].value == 0
        assert nothing.differences[name].interval_95 == (0, 0)


def test_scores_are_those_of_a_translation_under_the_ablation(checkpoint, measured, tokenizer):
    effect, model = measured.effects[1], checkpoint.model
    with probing(model, ablating(model, [effect.ablation])):
        lines = Translator(checkpoint).translate(SOURCES, GREEDY)
        likelihoods = likelihood_statistics(
            checkpoint, tokenizer.encode_lines(SOURCES), tokenizer.encode_lines(REFERENCES)
        )
    plain = Translator(checkpoint).translate(SOURCES, GREEDY)
    assert lines != plain
    assert effect.scores["bleu"] == sacrebleu.corpus_bleu(lines, [REFERENCES]).score
    assert effect.scores["chrf"] == pytest.approx(sacrebleu.corpus_chrf(lines, [REFERENCES]).score)
    assert effect.scores["perplexity"] == pytest.approx(corpus_score("perplexity", likelihoods))
    now, before = (bleu_statistics(text, REFERENCES, lowercase=False) for text in (lines, plain))
    assert effect.differences["bleu"] == paired_difference("bleu", now, before)
    value = effect.differences["perplexity"].value
    assert value == pytest.approx(effect.scores["perplexity"] - measured.scores["perplexity"])


@pytest.mark.parametrize(
    ("part", "what", "side"),
    [
        ("cross.L1H1.row1=k{}", "piece", 0),
        ("enc.L1H1.row1=k{}", "piece", 0),
        ("enc.L1H1.row{}=k1", "piece", 0),
        ("cross.L1H1.row{}=k1", "step", 1),
        ("dec.L1H1.row{}=k1", "step", 1),
    ],
)
def test_what_no_sentence_of_the_text_has_is_named(checkpoint, tokenizer, part, what, side):
    """The last piece of the longest sentence can be named, the one after it cannot."""
    n = 1 + max(len(tokenizer.encode(pair[side])) for pair in PAIRS)
    last, beyond = (Ablation.parse(part.format(number)) for number in (n, n + 1))
    corpus_effects(checkpoint, PAIRS, [last], search=GREEDY)
    with pytest.raises(ValueError, match=rf"there is no {what} {n + 1}; .* are 1 to {n}$"):
        corpus_effects(checkpoint, PAIRS, [last, beyond], search=GREEDY)


def test_json_names_the_text_the_weights_and_the_search(measured):
    value = measured.to_json()
    assert [effect["ablation"] for effect in value["effects"]] == list(map(str, ABLATIONS))
    assert value["sentences"] == 12
    assert value["search"]["method"] == "greedy"
    assert value["data_hash"]
    assert value["weights_hash"]


def test_a_sweep_is_read_from_where_it_is_kept(measured, tmp_path):
    assert read_sweep(tmp_path) is None
    kept = {**measured.to_json(), "elapsed_s": 1.5}
    (tmp_path / SWEEP).write_text(write_json(kept))
    assert read_sweep(tmp_path) == measured
    (tmp_path / SWEEP).write_text('{"scores": {')
    with pytest.raises(ValueError, match=r"sweep\.json cannot be read .* --sweep heads --output"):
        read_sweep(tmp_path)


def test_a_cancelled_measurement_goes_on_where_it_was(checkpoint, measured, tmp_path, monkeypatch):
    class CancelledError(Exception):
        pass

    ran = []

    def counted(*arguments):
        ran.append(str(arguments[2]))
        return original(*arguments)

    def cancel(n_done, n):
        assert n == 4
        if n_done == 2:
            raise CancelledError

    original = corpus._statistics
    monkeypatch.setattr(corpus, "_statistics", counted)
    store, means = DiskCache(checkpoint.model, tmp_path), random_means()
    with pytest.raises(CancelledError):
        corpus_effects(checkpoint, PAIRS, ABLATIONS, search=GREEDY, means=means, store=store,
                       progress=cancel)  # fmt: skip
    assert ran == [""]  # as the model is, and the empty ablation is the same
    again = corpus_effects(checkpoint, PAIRS, ABLATIONS, search=GREEDY, means=means, store=store)
    assert ran == ["", *map(str, ABLATIONS[1:])]
    assert again.to_json() == measured.to_json()


OTHER_SEARCHES = {
    field.name: value
    for field, value in zip(
        dataclasses.fields(SearchConfig),
        ("beam", 3, "power", 0.3, 7, 11, 2, 0.5, 9),
        strict=True,
    )
}
"""Field of the search -> another value than that of `GREEDY`."""


def test_every_input_of_kept_statistics_is_in_their_key(checkpoint, tmp_path, monkeypatch):
    """Each is varied alone, every field of the search among them, and then computed anew."""
    monkeypatch.setattr(corpus, "_statistics", lambda *_: {"n": np.array([next(counter)])})
    counter = itertools.count()
    mean, off = Ablation.parse("dec.L1H2=mean"), Ablation.parse("dec.L1H2=0")
    means, other = random_means(), dataclasses.replace(random_means(), data_hash="other")
    store = DiskCache(checkpoint.model, tmp_path)
    another = small_model(small_config(vocabulary_size=397, max_positions=101), seed=2)
    usual = (PAIRS, mean, GREEDY, means, store)
    varied = {
        "as it is": usual,
        "a source": ([("x", PAIRS[0][1]), *PAIRS[1:]], *usual[1:]),
        "a reference": ([(PAIRS[0][0], "x"), *PAIRS[1:]], *usual[1:]),
        "the order of the text": (PAIRS[::-1], *usual[1:]),
        "the ablation": (PAIRS, off, *usual[2:]),
        "the means": (PAIRS, mean, GREEDY, other, store),
        "the weights": (*usual[:4], DiskCache(another, tmp_path)),
        **{
            f"{name} of the search": (PAIRS, mean, GREEDY.replace(**{name: value}), means, store)
            for name, value in OTHER_SEARCHES.items()
        },
    }
    for name, value in OTHER_SEARCHES.items():
        assert getattr(GREEDY, name) != value, name
    first, again = (
        {name: int(statistics(checkpoint, *of)["n"][0]) for name, of in varied.items()}
        for _ in range(2)
    )
    assert list(first.values()) == list(range(len(varied)))
    assert again == first


def statistics(checkpoint, pairs, ablation, *more):
    (found,) = corpus.statistics_of_all(checkpoint, pairs, [ablation], *more)
    return found


def test_what_is_stored_is_not_measured_again_by_others(checkpoint, tmp_path):
    store, off = DiskCache(checkpoint.model, tmp_path), Ablation.parse("dec.L1H2=0")
    first = statistics(checkpoint, PAIRS, off, GREEDY, None, store)
    again = statistics(
        checkpoint, PAIRS, off, GREEDY, None, store, lambda n_done, n: None, Refusing()
    )
    for name, rows in first.items():
        np.testing.assert_array_equal(again[name], rows)


class Refusing:
    """An executor that must not be asked for anything."""

    def submit(self, function, /, *arguments, **named):
        raise AssertionError("it was stored")

    share = submit


def test_means_that_an_ablation_does_not_use_are_not_in_the_key(checkpoint, tmp_path, monkeypatch):
    counter = itertools.count()
    monkeypatch.setattr(corpus, "_statistics", lambda *_: {"n": np.array([next(counter)])})
    store, off = DiskCache(checkpoint.model, tmp_path), Ablation.parse("dec.L1H2=0")
    for means in (None, random_means()):
        found = statistics(checkpoint, PAIRS, off, GREEDY, means, store)
        assert found["n"].tolist() == [0]


def test_mistakes_show_before_any_work(checkpoint, monkeypatch):
    monkeypatch.setattr(corpus, "_statistics", None)
    with pytest.raises(ValueError, match="no layer 9"):
        corpus_effects(checkpoint, PAIRS, [Ablation.parse("enc.L9=skip")])
    with pytest.raises(ValueError, match="no sentence pair"):
        corpus_effects(checkpoint, [], [])
