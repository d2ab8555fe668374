"""How a changed run differs from the one before, in numbers and in plain words."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.analysis.trace.trace import Trace, mean_probability
from core.config import Kind, SearchConfig
from core.decoding.result import Hypothesis, SearchResult, Step
from core.text.pieces import Piece, PiecedText, Word
from explorer.head.differences import Comparison, moved_weight, reading

N_HEADS, N_LAYERS = 3, 2


def text_of(words: str) -> PiecedText:
    """Each word one piece."""
    found, at = [], 0
    for word in words.split():
        found.append(Word(word, at, at + len(word)))
        at += len(word) + 1
    pieces = [Piece(9, w.text, w.text, w.start, w.end, n, "text") for n, w in enumerate(found)]
    end = Piece(3, "</s>", "", at, at, -1, "special")
    return PiecedText(words, (*pieces, end), tuple(found))


def weights(seed: int, n_rows: int, n_columns: int) -> np.ndarray:
    random = np.random.default_rng(seed).random((N_LAYERS, N_HEADS, n_rows, n_columns))
    return random / random.sum(-1, keepdims=True)


def run(words: str, total_nats: float, *, seed: int = 1, is_cut: bool = False) -> Trace:
    target = text_of(words)
    steps = tuple(Step(p.id, total_nats / len(target.pieces), ()) for p in target.pieces)
    best = Hypothesis((), steps, total_nats, total_nats, is_cut)
    n = len(target.pieces)
    shapes: dict[Kind, tuple[int, int]] = {"encoder": (4, 4), "decoder": (n, n), "cross": (n, 4)}
    return Trace(
        source=text_of("a b c"),
        target=target,
        consumed=target.pieces,
        weights={kind: weights(seed, *shape) for kind, shape in shapes.items()},
        value_norms={},
        found=SearchResult((best,), (), ()),
        names={},
        is_new_in_source=(),
        is_new_in_target=(),
        search=SearchConfig(),
    )


def comparison(before: str, after: str, **more: Any) -> Comparison:
    return Comparison(run(before, -2.0), run(after, -4.0, **more), run(before, -9.0, seed=2))


def test_the_reading_counts_them() -> None:
    said = reading(comparison("Die Frau hat drei Hunde.", "Die Frau hat."))
    assert "2 of the 5 words of the first translation are lost, 0 are new." in said
    assert "total log-probability −9.00 (before: −2.00)" in said
    assert f"{np.exp(-9 / 6):.0%} on average (before: {np.exp(-2 / 6):.0%})" in said


def test_a_full_stop_that_moved_is_no_change_of_words() -> None:
    assert "Every word stays; only punctuation changes." in reading(comparison("Ja.", "Ja!"))
    assert "stays the same, word for word" in reading(comparison("Ja.", "Ja."))


def test_a_mark_alone_is_no_word() -> None:
    """What shifted positions leave of a sentence: its full stop."""
    said = reading(comparison("Die Frau hat Hunde.", "."))
    assert "Nothing of the first translation is left." in said
    said = reading(comparison("Die Frau , hat", "Die , hat"))
    assert "1 of the 3 words of the first translation is lost, 0 are new." in said


def test_the_reading_says_that_nothing_changed_and_that_no_end_was_found() -> None:
    assert "stays the same, word for word" in reading(comparison("Ja doch", "Ja doch"))
    assert "length limit" not in reading(comparison("Ja", "Nein"))
    assert "length limit" in reading(comparison("Ja", "Nein", is_cut=True))


def test_a_mean_probability_is_the_same_for_each_piece_alike() -> None:
    assert mean_probability(run("a b c d", 5 * np.log(0.3))) == pytest.approx(0.3)


rows = arrays.arrays(np.float64, (2, 3, 5), elements=st.floats(0.01, 1)).map(
    lambda values: values / values.sum(-1, keepdims=True)
)


@given(rows, rows)
def test_moved_weight_is_a_distance_from_0_to_1(a: np.ndarray, b: np.ndarray) -> None:
    assert moved_weight(a, b).shape == (2,)
    assert ((moved_weight(a, b) >= 0) & (moved_weight(a, b) <= 1)).all()
    assert np.allclose(moved_weight(a, b), moved_weight(b, a), rtol=0, atol=1e-12)
    assert not moved_weight(a, a).any()


def test_weight_that_goes_elsewhere_is_counted_once() -> None:
    before, after = (
        np.array([[0.75, 0.25, 0.0], [1, 0, 0]]),
        np.array([[0.25, 0.25, 0.5], [1, 0, 0]]),
    )
    assert moved_weight(before, after) == pytest.approx(0.25)  # half of one of two rows


def test_the_head_that_moved_most_is_found() -> None:
    found = comparison("Ja doch", "Nein")
    most = found.most_moved()
    moved = found.moved_weight(most.kind)
    assert moved.shape == (N_LAYERS, N_HEADS)
    assert moved[most.layer, most.head] == moved.max()
    assert moved.max() == max(found.moved_weight(k).max() for k in found.before.weights)
