"""What every page shares: a changed model is never shown unnoticed."""

import pytest

from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.pages import Open, button, link, open_page

__all__ = ["open_page"]

ABLATION = "enc.pos=shift:3"
AS_IT_IS = "Use the model as it is"


@pytest.mark.parametrize("name", ["translate", "heads", "positions"])
def test_a_changed_model_is_named_and_one_click_away_from_the_whole_one(
    open_page: Open, name: str
) -> None:
    page = open_page(page=name, text=SENTENCE, ablation=ABLATION)
    assert not page.exception
    assert f"of a changed model: {ABLATION}" in page.warning[0].value.replace("\\", "")
    assert link(page, "ablation") == ABLATION
    page = button(page, AS_IT_IS).click().run()
    assert not page.exception
    assert not page.warning
    assert "ablation" not in page.query_params


def test_a_change_holds_for_other_sentences(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, ablation=ABLATION)
    page.text_input[0].set_value("The cat finds a ball.")
    page = button(page, "Translate").click().run()
    assert link(page, "text") == "The cat finds a ball."
    assert link(page, "ablation") == ABLATION


def test_a_change_does_not_hold_for_another_model(open_page: Open, tmp_path) -> None:  # type: ignore[no-untyped-def]
    write_checkpoint(tmp_path / "other", n_heads=2)
    page = open_page(page="heads", text=SENTENCE, model="tiny", ablation=ABLATION)
    page = page.selectbox(key="choose_model").set_value("other").run()
    assert not page.exception
    assert link(page, "model") == "other"
    assert "ablation" not in page.query_params


def test_a_change_that_the_model_has_no_place_for_says_so_and_can_be_left(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE, ablation="cross.L9H1=0")
    assert not page.exception
    assert "there is no layer 9" in page.error[0].value
    page = button(page, AS_IT_IS).click().run()
    assert not page.error


def test_no_change_no_notice(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE)
    assert not page.warning
    assert AS_IT_IS not in [found.label for found in page.button]
