"""Every number of a text is that of the sentence traced alone; means and intervals are recomputed."""

import csv
import io

import numpy as np
import pytest

from core.analysis.contributions.results import SourceShares
from core.analysis.contributions.rollout import contributions
from core.analysis.heads.measures import MEASURES
from core.analysis.over_text.measure import CUT, measure_sentences, measure_text
from core.analysis.over_text.sentences import (
    COLUMNS,
    Measured,
    Sentence,
    Unread,
    as_csv,
    head_means,
    row_of,
)
from core.analysis.trace.warnings import warnings_of
from core.config import KINDS, SearchConfig
from core.evaluation.ratios import Estimate
from core.evaluation.scores import translation_scores
from core.text.toy_grammar import sentence_pairs
from core.translator import Translator
from tests.checkpoints import write_checkpoint

TEXTS = list(sentence_pairs(7))


@pytest.fixture(scope="module")
def translator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text") / "tiny"
    write_checkpoint(folder)
    return Translator.load(folder)


@pytest.fixture(scope="module")
def found(translator):
    given = [Sentence(source, target if n % 2 else "") for n, (source, target) in enumerate(TEXTS)]
    given.insert(2, Sentence("   "))
    given.append(Sentence("the man " * 400))
    return measure_sentences(translator.checkpoint, given)


def test_each_line_is_the_sentence_traced_alone(translator, found):
    read = [one for one in found if isinstance(one, Measured)]
    assert [one.given.source for one in read] == [source for source, _ in TEXTS]
    for one, (source, target) in zip(read, TEXTS, strict=True):
        trace = translator.trace(source)
        assert one.translation == trace.target.text
        assert one.n_pieces == len(trace.steps)
        assert one.score == pytest.approx(trace.best.score, rel=1e-4)
        assert one.log_probability_nats == pytest.approx(trace.best.log_probability_nats, rel=1e-4)
        shares = contributions(translator.checkpoint.model, trace).source_share
        assert one.source_share == pytest.approx(float(shares.mean()), abs=1e-4)
        for name, measure in MEASURES.items():
            for kind in KINDS:
                np.testing.assert_allclose(
                    one.heads[name][kind], measure.function(trace, kind, None), atol=2e-4
                )
        assert one.entropy_nats == pytest.approx(float(one.heads["entropy"]["cross"].mean()))
        if one.given.reference:
            expected = translation_scores([one.translation], [target])["chrf"].value
            assert one.chrf == pytest.approx(expected, abs=1e-6)
        else:
            assert one.chrf is None


def test_every_cell_stands_below_its_heading(found):
    one = found[1]
    assert isinstance(one, Measured)
    cells = dict(zip(COLUMNS, row_of(one), strict=True))
    assert cells == {
        "source": one.given.source,
        "translation": one.translation,
        "score": round(one.score, 3),
        "log-probability a piece (nats)": round(one.log_probability_nats / one.n_pieces, 3),
        "source share": round(one.source_share, 3),
        "entropy (nats)": round(one.entropy_nats, 3),
        "chrF": round(one.chrf, 1),
        "warnings": " ".join(one.warnings),
        "reference": TEXTS[1][1],
    }
    numbers = [value for value in cells.values() if isinstance(value, float)]
    assert len(set(numbers)) == len(numbers) == 5


def test_queries_are_counted_as_the_attention_has_rows(translator, found):
    for one, (source, _) in zip((o for o in found if isinstance(o, Measured)), TEXTS, strict=True):
        weights = translator.trace(source).weights
        assert one.n_queries == {kind: weights[kind].shape[2] for kind in KINDS}


def test_warnings_are_those_of_the_sentence_and_its_words(translator):
    usual = SourceShares(
        mean=(all_ := Estimate(0.9, (0.9, 0.9))), along=(), at_end=all_, exchanged=all_, caught=0.0,
        low_word=0.0, low_sentence=0.999, snapshots={}, text="a text", n_sentences=9, weights_hash="",
    )  # fmt: skip
    given = [Sentence(TEXTS[0][0])]
    (plain,) = measure_sentences(translator.checkpoint, given)
    (warned,) = measure_sentences(translator.checkpoint, given, usual=usual)
    trace = translator.trace(TEXTS[0][0])
    expected = list(warnings_of(trace))
    if trace.best.is_cut:
        expected.insert(0, CUT)
    assert list(plain.warnings) == expected
    assert list(warned.warnings[:-1]) == expected
    assert "hardly comes from the source" in warned.warnings[-1]
    (short,) = measure_sentences(
        translator.checkpoint, given, SearchConfig(method="greedy", max_target_pieces=2)
    )
    assert CUT in short.warnings


def test_what_cannot_be_read_says_why(found):
    empty, long = found[2], found[-1]
    assert isinstance(empty, Unread)
    assert isinstance(long, Unread)
    assert "holds no text" in empty.problem
    assert "pieces" in long.problem
    assert row_of(empty)[COLUMNS.index("warnings")] == "not read: the line holds no text"


def test_means_count_every_query_once(found):
    read = [one for one in found if isinstance(one, Measured)]
    for kind in KINDS:
        sums = sum(one.heads["special"][kind] * one.n_queries[kind] for one in read)
        expected = sums / sum(one.n_queries[kind] for one in read)
        means = head_means(found, "special")[kind]
        np.testing.assert_allclose(means.values, expected, atol=1e-9)
        assert np.all(means.low <= means.values + 1e-9)
        assert np.all(means.values <= means.high + 1e-9)
    with pytest.raises(ValueError, match="no sentence of the text could be read"):
        head_means([Unread(Sentence(""), "empty")], "special")


def test_a_search_of_ones_own_is_used(translator):
    greedy = SearchConfig(method="greedy")
    (one,) = measure_sentences(translator.checkpoint, [Sentence(TEXTS[0][0])], greedy)
    assert isinstance(one, Measured)
    expected = translator.trace(TEXTS[0][0], greedy)
    assert one.log_probability_nats == pytest.approx(expected.best.log_probability_nats, rel=1e-4)


def test_csv_reads_back(found):
    rows = list(csv.reader(io.StringIO(as_csv(found))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(found) + 1
    for row, one in zip(rows[1:], found, strict=True):
        assert row == ["" if cell is None else str(cell) for cell in row_of(one)]


def test_a_text_comes_some_sentences_at_a_time(translator):
    given = [Sentence(*pair) for pair in sentence_pairs(60, seed=3)]
    parts = list(measure_text(translator.checkpoint, given))
    assert [len(some) for some in parts] == [25, 25, 10]
    assert [one.given for some in parts for one in some] == given
