"""What every page shares: a changed model is never shown unnoticed."""

import pytest

from explorer.choice.choice import MOST_ALPHA, MOST_TEMPERATURE
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


@pytest.mark.parametrize(
    "search",
    [{"alpha": "3"}, {"method": "sample", "temperature": "3"}],
    ids=["alpha", "temperature"],
)
def test_a_search_that_no_slider_offers_gets_a_notice(
    open_page: Open, search: dict[str, str]
) -> None:
    page = open_page(page="heads", text=SENTENCE, **search)
    assert not page.exception
    assert "must be a number from" in page.warning[0].value


@pytest.mark.parametrize(
    "search",
    [{"alpha": str(MOST_ALPHA)}, {"method": "sample", "temperature": str(MOST_TEMPERATURE)}],
    ids=["alpha", "temperature"],
)
def test_the_largest_value_of_a_slider_is_a_link_too(
    open_page: Open, search: dict[str, str]
) -> None:
    page = open_page(page="heads", text=SENTENCE, **search)
    assert not page.exception
    assert not page.warning


def test_no_change_no_notice(open_page: Open) -> None:
    page = open_page(page="heads", text=SENTENCE)
    assert not page.warning
    assert AS_IT_IS not in [found.label for found in page.button]


SHOWS_TYPED = ["translate", "heads", "inside"]
LEAVES_OUT = ["ablate", "positions", "training"]
BY_ITSELF = "Let the model translate"


@pytest.mark.parametrize("name", [*SHOWS_TYPED, *LEAVES_OUT])
def test_a_typed_translation_is_named_and_one_click_away_from_the_models_own(
    open_page: Open, name: str
) -> None:
    page = open_page(page=name, text=SENTENCE, target="Der Mann.")
    assert not page.exception
    said = page.warning[0].value.replace("\\", "")
    assert ("You typed this translation" in said) == (name in SHOWS_TYPED)
    assert ("is left out" in said) == (name in LEAVES_OUT)
    page = button(page, BY_ITSELF).click().run()
    assert not page.warning
    assert "target" not in page.query_params


@pytest.mark.parametrize("name", [*SHOWS_TYPED, *LEAVES_OUT])
def test_chosen_pieces_are_counted_and_one_click_away_from_none(open_page: Open, name: str) -> None:
    page = open_page(page=name, text=SENTENCE, prefix="300.301")
    assert not page.exception
    assert "You chose the first 2 pieces" in page.warning[0].value
    page = button(page, BY_ITSELF).click().run()
    assert not page.warning
    assert "prefix" not in page.query_params


def test_where_the_model_chose_every_word_nothing_is_said(open_page: Open) -> None:
    for target in ("", " "):
        page = open_page(page="heads", text=SENTENCE, target=target)
        assert BY_ITSELF not in [found.label for found in page.button]
