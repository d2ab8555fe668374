"""A view fits the sentence on show; what a link got wrong is named and replaced."""

from explorer.choice.choice import View
from explorer.choice.page_context import Shape, UsualView, settle_view

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
