"""A view fits the sentence on show; what a link got wrong is named and replaced."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import covering_head
from core.analysis.trace.trace import Trace
from core.config import Kind
from explorer.choice.choice import Choice, Run, View
from explorer.choice.page_context import (
    PageContext,
    Shape,
    UsualView,
    settle_view,
    telling_place,
)

EXAMPLE = Path(__file__).parents[3] / "checkpoints" / "en-de" / "example.npz"

SHAPE = Shape(n_layers=3, n_heads=8, n_steps=5, n_source=7)
USUAL = UsualView(layer=2, head=4, step=3, row=5)


def test_a_head_that_the_model_lacks_is_named_and_replaced() -> None:
    view, notices = settle_view(View(layer=2, head=9, step=5, row=7), SHAPE, USUAL)
    assert view == View(layer=2, head=4, step=5, row=7)
    assert notices == ("The link says head 9, but there are only 8 here.",)


def test_no_choice_opens_the_usual_place_without_a_notice() -> None:
    usual = View(layer=2, head=4, step=3, row=5)
    assert settle_view(View(), SHAPE, USUAL) == (usual, ())


def test_a_source_piece_that_is_not_there_is_named_and_replaced() -> None:
    view, notices = settle_view(View(kind="encoder", row=8), SHAPE, USUAL)
    assert view.row == 5
    assert notices == ("The link says row 8, but there are only 7 here.",)


def test_what_was_chosen_and_fits_stays() -> None:
    chosen = View(kind="encoder", layer=3, head=8, step=1, row=2)
    assert settle_view(chosen, SHAPE, USUAL) == (chosen, ())


def told(kind: Kind, largest: dict[int, float], key: int, view: View | None = None) -> UsualView:
    """Of a head whose rows have these largest weights on one key, and .1 on it in the others."""
    trace = Trace.load(EXAMPLE)
    weights = {each: np.zeros_like(of) for each, of in trace.weights.items()}
    weights[kind][1, 2, :, key] = 0.1
    for row, weight in largest.items():
        weights[kind][1, 2, row, key] = weight
    made = dataclasses.replace(trace, weights=weights)
    view = view or View(kind=kind, layer=2, head=3)
    return telling_place(PageContext(Choice(Run(), view), Path(), made, covering_head(trace)))


@pytest.mark.parametrize("kind", ["encoder", "cross"])
def test_a_row_tells_most_where_one_key_wins_but_not_alone(kind: Kind) -> None:
    usual = told(kind, {1: 1.0, 4: 0.7, 5: 0.5, 8: 0.99}, key=3)
    assert (usual.row if kind == "encoder" else usual.step) == 5
    assert (usual.row is None) == (kind == "cross")


def test_weight_on_a_special_token_tells_nothing() -> None:
    n = len(Trace.load(EXAMPLE).source.pieces)
    assert told("cross", {5: 0.75}, key=n - 1).step == 1


def test_in_the_decoder_the_mask_hides_some_keys_of_a_telling_row_and_not_most() -> None:
    n = len(Trace.load(EXAMPLE).steps)
    assert told("decoder", {2: 0.75, n // 2 + 1: 0.6, n - 1: 0.75}, key=1).step == n // 2 + 2


def test_a_head_that_is_not_there_leaves_the_row_to_the_usual_one() -> None:
    place = covering_head(Trace.load(EXAMPLE)).place
    usual = told("cross", {5: 0.75}, key=3, view=View(layer=99, head=99))
    assert HeadPlace.numbered("cross", usual.layer, usual.head) == place
