"""Sums of sentence statistics are the corpus scores; the paired bootstrap is sacrebleu's."""

import math
from functools import partial

import numpy as np
import pytest
import sacrebleu
from sacrebleu.significance import PairedTest

from core.evaluation.bootstrap import (
    N_BOOTSTRAP,
    SEED,
    bleu,
    bleu_statistics,
    chrf_statistics,
    corpus_score,
    interval_95,
    paired_difference,
    perplexity,
)
from tests.core.tables import REFERENCES, damaged

GOOD, BAD = damaged(0.1, 1), damaged(0.3, 2)


@pytest.mark.parametrize("lowercase", [False, True])
def test_sums_are_sacrebleus_corpus_score(lowercase):
    statistics = bleu_statistics(GOOD, REFERENCES, lowercase=lowercase)
    expected = sacrebleu.corpus_bleu(GOOD, [REFERENCES], lowercase=lowercase).score
    assert statistics.shape == (120, 10)
    assert corpus_score("bleu_lc" if lowercase else "bleu", statistics) == expected


def test_sums_are_sacrebleus_chrf():
    statistics = chrf_statistics(GOOD, REFERENCES)
    assert statistics.shape == (120, 18)
    expected = sacrebleu.corpus_chrf(GOOD, [REFERENCES]).score
    assert corpus_score("chrf", statistics) == pytest.approx(expected, abs=1e-12)
    assert corpus_score("chrf", chrf_statistics(["x y z", ""], ["a b c", "a"])) == 0.0


def test_a_text_without_a_match_scores_0():
    assert bleu(bleu_statistics(["x y z"], ["a b c"], lowercase=False).sum(0)) == 0.0
    assert bleu(bleu_statistics([""], ["a b c"], lowercase=False).sum(0)) == 0.0


def test_perplexity_is_per_piece_of_the_whole_text():
    statistics = np.array([[2.0, 1], [4.0, 5]])
    assert corpus_score("perplexity", statistics) == pytest.approx(math.exp(6 / 6))
    assert perplexity(np.array([1e9, 1.0])) < math.inf


@pytest.mark.parametrize(("system", "base"), [(GOOD, BAD), (BAD, GOOD), (GOOD, damaged(0.1, 7))])
def test_the_p_value_is_that_of_sacrebleus_paired_test(system, base):
    metrics = {"BLEU": sacrebleu.BLEU()}
    _, scores = PairedTest(
        [("base", base), ("system", system)], metrics, [REFERENCES], "bs", N_BOOTSTRAP
    )()
    difference = paired_difference(
        "bleu",
        bleu_statistics(system, REFERENCES, lowercase=False),
        bleu_statistics(base, REFERENCES, lowercase=False),
    )
    assert difference.p_value == scores["BLEU"][1].p_value
    assert difference.value == scores["BLEU"][1].score - scores["BLEU"][0].score


N_PLAIN = 12
"""Lines whose whole score is computed a thousand times."""


def plain_bootstrap(translations, score):
    """The middle 95 % of the corpus scores of a thousand texts, each drawn line by line."""
    random = np.random.default_rng(SEED)
    drawn = random.choice(len(translations), size=(N_BOOTSTRAP, len(translations)), replace=True)
    scores = sorted(
        score([translations[line] for line in lines], [[REFERENCES[line] for line in lines]])
        for lines in drawn
    )
    return scores[25], scores[-26]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "statistics", "score"),
    [
        ("bleu", partial(bleu_statistics, lowercase=False), sacrebleu.corpus_bleu),
        ("bleu_lc", partial(bleu_statistics, lowercase=True), partial(sacrebleu.corpus_bleu, lowercase=True)),
        ("chrf", chrf_statistics, sacrebleu.corpus_chrf),
    ],
)  # fmt: skip
def test_an_interval_is_that_of_a_plain_bootstrap(name, statistics, score):
    """Both ends, not the width alone: sacrebleu's whole score of every resampled text."""
    some, references = GOOD[:N_PLAIN], REFERENCES[:N_PLAIN]
    found = interval_95(name, statistics(some, references))
    expected = plain_bootstrap(some, lambda *text: score(*text).score)
    assert found == pytest.approx(expected, abs=1e-9)
    low, high = found
    middle = corpus_score(name, statistics(some, references))
    assert low < middle < high
    assert high - middle != pytest.approx(
        middle - low, rel=1e-3
    )  # it is not half a width to either side


def test_a_clear_difference_has_a_sign_and_an_interval_beyond_zero():
    good, bad = (bleu_statistics(text, REFERENCES, lowercase=True) for text in (GOOD, BAD))
    gain, loss = paired_difference("bleu_lc", good, bad), paired_difference("bleu_lc", bad, good)
    assert 0 < gain.interval_95[0] < gain.value < gain.interval_95[1]
    assert gain.p_value < 0.01
    assert (loss.value, loss.p_value) == (-gain.value, gain.p_value)
    assert loss.interval_95 == pytest.approx((-gain.interval_95[1], -gain.interval_95[0]))


def test_nothing_differs_from_itself():
    statistics = bleu_statistics(GOOD, REFERENCES, lowercase=False)
    difference = paired_difference("bleu", statistics, statistics)
    assert (difference.value, difference.interval_95) == (0.0, (0.0, 0.0))


def test_pairing_finds_what_single_intervals_hide():
    """Every sentence a little better: the two texts' intervals overlap, that of the difference is small."""
    random_ = np.random.default_rng(1)
    base = np.stack([random_.gamma(2.0, 20.0, 200), np.full(200, 10.0)], axis=1)
    better = base - [0.5, 0.0]
    assert interval_95("perplexity", better)[1] > interval_95("perplexity", base)[0]
    assert paired_difference("perplexity", better, base).interval_95[1] < 0


def test_other_texts_cannot_be_paired():
    with pytest.raises(ValueError, match=r"^3 sentences against 4; a paired comparison needs the"):
        paired_difference("perplexity", np.ones((3, 2)), np.ones((4, 2)))
