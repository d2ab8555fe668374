"""From pieces to words."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.head_place import HeadPlace
from core.analysis.heads.word_attention import aligned_words, word_weights
from core.analysis.trace.capture import trace
from core.config import SearchConfig
from core.text.word_diff import DiffRun, word_diff
from tests.core.helpers import small_config, small_model


@pytest.fixture(scope="module")
def traced(tokenizer):
    """Forced, so that the translation has words of several pieces."""
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    prefix = [*tokenizer.encode("Heute malt Ottokar einen Apfelbaum."), 3]
    return trace(model, tokenizer, "Ottokar paints an apple tree today.", prefix=prefix)


def literal_word_weights(weights, queries, keys):
    n_rows = 1 + max(piece.word for piece in queries)
    n_columns = 1 + max(piece.word for piece in keys)
    rows = []
    for query_word in range(n_rows):
        row = []
        mine = [i for i, piece in enumerate(queries) if piece.word == query_word]
        for key_word in range(n_columns):
            theirs = [j for j, piece in enumerate(keys) if piece.word == key_word]
            row.append(sum(sum(weights[i, j] for j in theirs) for i in mine) / len(mine))
        rows.append(row)
    return np.array(rows)


def test_weights_are_summed_over_key_pieces_and_averaged_over_query_pieces(traced):
    queries, keys = traced.target.pieces, traced.source.pieces
    assert len(queries) > len(traced.target.words) + 2
    assert len(keys) > len(traced.source.words) + 2
    for layer in range(3):
        for head in range(5):
            weights = traced.weights["cross"][layer, head]
            np.testing.assert_allclose(
                word_weights(weights, queries, keys),
                literal_word_weights(weights, queries, keys),
                rtol=1e-6,
            )


def test_all_heads_at_once_give_what_each_gives(traced):
    queries, keys = traced.target.pieces, traced.source.pieces
    together = word_weights(traced.weights["cross"], queries, keys)
    assert together.shape == (3, 5, len(traced.target.words), len(traced.source.words))
    one = word_weights(traced.weights["cross"][2, 3], queries, keys)
    np.testing.assert_allclose(together[2, 3], one)


def test_a_row_lacks_only_what_went_to_special_pieces(traced):
    keys = traced.source.pieces
    for row, piece in zip(traced.weights["cross"][0, 0], traced.target.pieces, strict=True):
        alone = word_weights(row[None], [piece.__class__(**{**as_values(piece), "word": 0})], keys)
        assert alone.sum() == pytest.approx(1 - row[-1], abs=1e-6)


def as_values(piece):
    return {name: getattr(piece, name) for name in piece.__dataclass_fields__}


def test_no_word_means_no_row_or_column(tokenizer):
    special = tokenizer.read([2, 3]).pieces
    words = tokenizer.read(tokenizer.encode("the man")).pieces
    weights = np.full((7, len(special), len(words)), 0.1)
    assert word_weights(weights, special, words).shape == (7, 0, 2)
    assert word_weights(weights.transpose(0, 2, 1), words, special).shape == (7, 2, 0)
    assert word_weights(np.zeros((7, 0, 0)), [], []).shape == (7, 0, 0)


@pytest.mark.parametrize("rows", ["produced", "consumed"])
def test_a_word_knows_where_its_step_looked(traced, rows):
    layer, head = 1, 4
    weights = traced.weights["cross"][layer, head]
    aligned = aligned_words(traced, HeadPlace("cross", layer, head), rows=rows)
    assert [word.text for word in aligned] == [word.text for word in traced.target.words]
    for number, word in enumerate(aligned):
        steps = [t for t, piece in enumerate(traced.target.pieces) if piece.word == number]
        if rows == "consumed":  # the step after the one that made the piece
            steps = [t + 1 for t in steps]
        shares = [
            sum(
                weights[t, j]
                for t in steps
                for j, p in enumerate(traced.source.pieces)
                if p.word == w
            )
            / len(steps)
            for w in range(len(traced.source.words))
        ]
        assert word.source_word == int(np.argmax(shares))
        assert word.source_weight == pytest.approx(max(shares))


def test_the_probability_of_a_word_is_the_product_over_its_pieces(traced):
    aligned = aligned_words(traced, HeadPlace("cross", 0, 0), rows="produced")
    for number, word in enumerate(aligned):
        pairs = zip(traced.target.pieces, traced.steps, strict=True)
        mine = [step.log_probability_nats for piece, step in pairs if piece.word == number]
        assert word.probability == pytest.approx(math.prod(math.exp(nats) for nats in mine))
    product = math.prod(word.probability for word in aligned)
    end = math.exp(traced.steps[-1].log_probability_nats)
    assert product * end == pytest.approx(math.exp(traced.best.log_probability_nats))


def test_no_words_are_no_alignment(tokenizer):
    model = small_model(small_config(vocabulary_size=397, max_positions=101))
    wordless = trace(model, tokenizer, "the man", prefix=(3,), config=SearchConfig())
    traced = trace(model, tokenizer, "the man", prefix=(300, 3), config=SearchConfig())
    specials = tokenizer.read([3] * len(traced.source.pieces))
    sourceless = dataclasses.replace(traced, source=specials)
    for result in (wordless, sourceless):
        assert aligned_words(result, HeadPlace("cross", 0, 0), rows="produced") == ()


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_a_diff_holds_both_texts(before, after):
    runs = word_diff(" ".join(before), " ".join(after))
    for without, words in (("added", before), ("removed", after)):
        kept = [word for run in runs if run.change != without for word in run.text.split()]
        assert kept == words


def test_a_diff_says_what_became_of_each_word():
    assert word_diff("ein Mann fährt Rad .", "ein Hund fährt Rad") == (
        DiffRun("same", "ein"),
        DiffRun("removed", "Mann"),
        DiffRun("added", "Hund"),
        DiffRun("same", "fährt Rad"),
        DiffRun("removed", "."),
    )
    assert word_diff("a b", "a b") == (DiffRun("same", "a b"),)
    assert word_diff("", "") == ()
