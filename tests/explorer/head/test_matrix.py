"""What a picture of one head shows: grouped, hidden, thresholded, and said so."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import core
from core.analysis.trace.trace import Trace
from core.config import KINDS, Kind
from explorer.figures.head import piece_labels
from explorer.figures.invisible import visible
from explorer.figures.tiles import pooled
from explorer.head.fields import HeadDrawing, Units
from explorer.head.matrix import head_matrix, special_note
from tests.checkpoints import SENTENCE, write_checkpoint


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    folder: Path = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_checkpoint(folder)
    return core.load(folder).trace(SENTENCE)


@pytest.fixture(scope="module")
def unseen(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Invisible characters in source and translation, alone and inside words."""
    folder: Path = tmp_path_factory.mktemp("checkpoints") / "unseen"
    vocabulary = write_checkpoint(folder).vocabulary
    text = "The\u200bold \u200d man\xad \ufe0f sees."
    return core.load(folder).trace(text, prefix=[*vocabulary.target.encode(text), 3])


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_shown_as_traced(shown: Trace, kind: Kind) -> None:
    weights = shown.weights[kind][1, 2]
    matrix = head_matrix(shown, kind, weights, HeadDrawing())
    assert np.array_equal(matrix.values, weights)
    assert matrix.values.shape == (len(matrix.rows), len(matrix.columns))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_between_words_still_sum_to_one(shown: Trace, kind: Kind) -> None:
    matrix = head_matrix(shown, kind, shown.weights[kind][0, 0], HeadDrawing(units="words"))
    assert np.allclose(matrix.values.sum(1), 1, atol=1e-5)
    source = (*(word.text for word in shown.source.words), "</s>")
    target = ("<s>", *(word.text for word in shown.target.words))
    assert matrix.columns == (target if kind == "decoder" else source)
    assert len(matrix.columns) < shown.weights[kind].shape[-1]
    assert "those of the pieces that look are averaged" in " ".join(matrix.notes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("specials", [True, False])
def test_the_mass_of_special_tokens_is_in_print(shown: Trace, kind: Kind, specials: bool) -> None:
    weights = shown.weights[kind][0, 1]
    matrix = head_matrix(shown, kind, weights, HeadDrawing(specials=specials))
    on_special = weights[:, 0 if kind == "decoder" else -1]
    assert np.allclose(matrix.special, on_special, atol=1e-6)
    said = special_note([matrix], are_hidden=not specials)
    assert f"{on_special.mean():.0%} of the weight goes to the start and end marks" in said
    assert f"“{matrix.rows[on_special.argmax()]}” ({on_special.max():.0%})" in said
    assert ("(hidden)" in said) == (not specials)


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_special_tokens_are_left_out(shown: Trace, kind: Kind) -> None:
    matrix = head_matrix(shown, kind, shown.weights[kind][0, 1], HeadDrawing(specials=False))
    assert np.allclose(matrix.values.sum(1) + matrix.special, 1, atol=1e-5)
    assert not any(label in ("<s>", "</s>") for label in matrix.columns)


def test_of_several_heads_the_mean_mass_is_in_print(shown: Trace) -> None:
    heads = shown.weights["cross"][0, :2]
    said = special_note(
        [head_matrix(shown, "cross", weights, HeadDrawing()) for weights in heads], are_hidden=False
    )
    assert f"{heads[..., -1].mean():.0%} of the weight of these heads" in said


def test_small_numbers_are_left_out(shown: Trace) -> None:
    weights = shown.weights["cross"][0, 0]
    matrix = head_matrix(shown, "cross", weights, HeadDrawing(threshold=0.1))
    assert np.array_equal(matrix.values > 0, weights >= 0.1)
    assert "Weights below 0.1 are left out." in matrix.notes


def test_rows_say_consumed_and_produced(shown: Trace) -> None:
    rows = head_matrix(shown, "cross", shown.weights["cross"][0, 0], HeadDrawing()).rows
    assert rows[0].startswith("<s> → ")
    assert rows[-1].endswith(" → </s>")


@pytest.mark.parametrize("kind", ["decoder", "cross"])
def test_a_row_of_a_word_says_what_was_read_when_the_word_began(shown: Trace, kind: Kind) -> None:
    drawing = HeadDrawing(units="words")
    matrix = head_matrix(shown, kind, shown.weights[kind][0, 0], drawing)
    first = [
        next(step for step, piece in enumerate(shown.target.pieces) if piece.word == word)
        for word in range(len(shown.target.words))
    ]
    assert any(b - a > 1 for a, b in pairwise(first))
    before = ("<s>", *piece_labels(piece.name for piece in shown.target.pieces))
    words = [f"{before[s]} → {w.text}" for s, w in zip(first, shown.target.words, strict=True)]
    assert matrix.rows == (*words, f"{before[-2]} → </s>")


@pytest.mark.parametrize(("n", "most"), [(5, 64), (64, 64), (65, 64), (512, 64), (7, 3)])
def test_pooling_keeps_every_peak_in_its_place(n: int, most: int) -> None:
    weights = np.zeros((1, 1, n, n))
    for i in range(0, n, 3):
        weights[0, 0, i, n - 1 - i] = 1 + i
    tiles = pooled(weights, most)
    assert tiles.shape[2:] == (min(n, most), min(n, most))
    assert tiles.max() == weights.max()
    block = n / tiles.shape[2]
    for i, j in np.argwhere(tiles[0, 0] > 0):
        assert abs(i * block + j * block - (n - 1)) <= 2 * block + 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("units", ["pieces", "words"])
def test_no_label_is_invisible(unseen: Trace, kind: Kind, units: Units) -> None:
    matrix = head_matrix(unseen, kind, unseen.weights[kind][0, 0], HeadDrawing(units=units))
    labels = (*matrix.rows, *matrix.columns)
    assert [visible(label) for label in labels] == list(labels)
    assert any("<U+200D>" in label for label in labels)
