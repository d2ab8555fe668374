"""The Positions page in a real browser, on the bundled checkpoint."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import (
    LOOKS,
    Visitor,
    idle,
    link,
    open_from_menu,
    overflow_px,
    select,
    violations,
)

pytestmark = pytest.mark.e2e


PICTURES = {
    "Table": "table",
    "Curves": "curves",
    "Dot products": "distance",
    "From p to p + k": "shift",
}


def plots(page: Page) -> Locator:
    return page.locator(".js-plotly-plot")


def opened(visitor: Visitor, query: str = "") -> Page:
    """The page, drawn to its end."""
    page = visitor.open(f"/positions{query}")
    expect(page.get_by_text("6 of 6 checks of this sentence passed")).to_be_visible()
    idle(page)
    return page


def choose(page: Page, label: str) -> None:
    page.get_by_role("radio", name=label, exact=True).click()


def positions_in(page: Page, stack: str) -> list[str]:
    strip = page.get_by_role("list", name=f"Positions in the {stack}")
    return strip.get_by_role("listitem").all_inner_texts()


def marked(page: Page) -> list[str]:
    """The words of the new translation that the first one has not."""
    return page.locator(".words .word.changed .said").all_inner_texts()


def changed_to(page: Page, what: str) -> None:
    expect(page.get_by_text(f"With {what}: ")).to_be_visible()


def test_each_picture_is_one_click_away_and_in_the_link(visitor: Visitor) -> None:
    page = opened(visitor, "?picture=curves")
    for name, picture in reversed(PICTURES.items()):
        choose(page, name)
        idle(page)
        expect(plots(page).first).to_be_visible()
        assert link(page).get("picture", "table") == picture


def test_the_first_visit_takes_positions_away(visitor: Visitor) -> None:
    page = opened(visitor)
    changed_to(page, "no positions")
    expect(plots(page)).to_have_count(3)
    assert positions_in(page, "encoder")[0].split() == ["The", "0", "→", "none"]
    assert marked(page)
    expect(page.get_by_text("Made to write the first translation")).to_be_visible()
    expect(page.get_by_text("6 of 6 checks of the changed run passed")).to_be_visible()


def test_positions_are_shifted_and_the_link_shows_the_same(visitor: Visitor) -> None:
    page = opened(visitor)
    choose(page, "shifted")
    field = page.get_by_label("by k", exact=True)
    field.fill("7")
    field.press("Enter")
    changed_to(page, "positions shifted by 7")
    choose(page, "the encoder")
    changed_to(page, "positions shifted by 7 in the encoder")
    idle(page)
    assert positions_in(page, "encoder")[1].split() == ["woman", "1", "→", "8"]
    expect(page.get_by_role("list", name="Positions in the decoder")).to_have_count(0)
    wanted = {"positions": "shift", "k": "7", "stacks": "encoder"}
    assert wanted.items() <= link(page).items()

    again = opened(visitor, "?" + page.url.split("?")[1])
    changed_to(again, "positions shifted by 7 in the encoder")
    assert marked(again) == marked(page)


def test_positions_are_scaled(visitor: Visitor) -> None:
    page = opened(visitor, "?positions=scale")
    changed_to(page, "positions scaled by 0.5")
    field = page.get_by_label("by s", exact=True)
    field.fill("1")
    field.press("Enter")
    expect(page.get_by_text("stays the same, word for word")).to_be_visible()
    idle(page)
    assert marked(page) == []


def test_the_strongest_effects_are_one_click_away(visitor: Visitor) -> None:
    page = opened(visitor)
    page.get_by_role("button", name="Shift all by 5").click()
    changed_to(page, "positions shifted by 5")
    expect(page.get_by_text("Nothing of the first translation is left.")).to_be_visible()
    idle(page)
    assert link(page)["positions"] == "shift"


def test_kind_layer_head_and_steps_are_chosen(visitor: Visitor) -> None:
    page = opened(visitor, "?positions=scale")
    choose(page, "One that I choose")
    idle(page)
    choose(page, "Decoder self-attention")
    idle(page)
    for label, option in (
        ("Layer", "2"),
        ("Head", "3"),
        ("Rows after the change", "of the new translation"),
    ):
        select(page, label, option)
    after = page.get_by_text("Decoder self-attention, layer 2, head 3, after")
    expect(after).to_be_visible()
    assert {"kind": "decoder", "layer": "2", "head": "3", "rows": "new"}.items() <= link(
        page
    ).items()


def test_dimensions_are_added_and_taken_away(visitor: Visitor) -> None:
    page = opened(visitor, "?picture=curves&dimensions=0.64")
    expect(plots(page).locator(".legendtext")).to_have_count(2)
    page.get_by_role("combobox", name="Dimensions").fill("130:")
    page.get_by_role("option", name=re.compile("^130: sin")).click()
    expect(plots(page).locator(".legendtext")).to_have_count(3)
    idle(page)
    assert link(page)["dimensions"] == "0.64.130"
    # the list may still be open, and takes a click away
    page.get_by_test_id("stMain").click(position={"x": 5, "y": 300})
    choose(page, "This sentence only")
    expect(plots(page).locator(".xtick").first).to_have_text("0 The")
    idle(page)
    assert link(page)["extent"] == "sentence"


def test_the_map_is_shown_for_any_word_and_distance(visitor: Visitor) -> None:
    page = opened(visitor, "?picture=shift")
    select(page, "p", "3: lives")
    expect(page.get_by_text("From p = 3 (“lives”) to 8 (“dogs”)")).to_be_visible()
    field = page.get_by_label("k", exact=True)
    field.fill("40")
    field.press("Enter")
    expect(page.get_by_text("From p = 3 (“lives”) to 43")).to_be_visible()
    expect(page.get_by_text("the largest difference over all 984 p")).to_be_visible()
    idle(page)
    assert {"position": "3", "k": "40"}.items() <= link(page).items()


def test_the_experiment_does_not_follow_to_other_pages(visitor: Visitor) -> None:
    page = opened(visitor, "?positions=off")
    open_from_menu(page, "Translate")
    expect(page.get_by_role("group", name="Words of the translation")).to_contain_text("Frau")
    idle(page)
    expect(page.get_by_text("The model is changed here too")).to_have_count(0)
    assert "ablation" not in link(page)


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = opened(visitor, "?picture=curves")
    for name in PICTURES:
        choose(page, name)
        idle(page)
        expect(plots(page).last).to_be_visible()
        assert overflow_px(page) <= 0, name
        assert violations(page) <= streamlits_own, name
