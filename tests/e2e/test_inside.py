"""The page Inside attention in a real browser, on the bundled checkpoint."""

import re
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import LOOKS, Visitor, idle, link, overflow_px, violations

pytestmark = pytest.mark.e2e


ADDRESS = "/inside?text=A+dog+runs+through+the+snow."


def story(page: Page) -> Locator:
    """The sentence that tells the row."""
    return page.get_by_test_id("stMarkdown").filter(has_text="asks: its largest product")


def figure(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-{name} .js-plotly-plot")


def test_a_row_is_chosen_and_the_link_shows_the_same(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&step=2")
    before = story(page).inner_text()
    page.get_by_role("combobox", name=re.compile("^Step that asks")).click()
    page.get_by_role("option", name=re.compile("^3: ")).click()
    expect(story(page)).not_to_have_text(before)
    idle(page)
    assert link(page)["step"] == "3"
    again = visitor.open("/inside?" + urlparse(page.url).query)
    expect(story(again)).to_have_text(story(page).inner_text())


def test_rows_and_heads_are_chosen_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&step=2")
    page.get_by_role("button", name="▶").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name=re.compile("^Step that asks"))).to_have_value(
        re.compile("^3: ")
    )
    idle(page)
    assert link(page)["step"] == "3"
    head = page.get_by_role("combobox", name="Head")
    head.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("8")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("head 8$"))).to_be_visible()


def test_each_kind_has_rows_of_its_own(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&row=2&step=4")
    for name, asks, field in (
        ("Encoder self-attention", "Source piece that asks", "2: dog"),
        ("Decoder self-attention", "Step that asks", "4: "),
    ):
        page.locator("label").filter(has_text=re.compile(f"^{name}$")).click()
        expect(page.get_by_role("heading", name=re.compile(name.lower()))).to_be_visible()
        idle(page)
        row = page.get_by_role("combobox", name=re.compile(f"^{asks}"))
        expect(row).to_have_value(re.compile(f"^{field}"))
    hidden = figure(page, "walk").locator("text").filter(has_text="−∞")
    assert hidden.count() > 0


def test_another_sentence_starts_in_its_own_middle(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&kind=encoder&row=7")
    page.get_by_label("English sentence").fill("Two dogs.")
    page.get_by_role("button", name="Translate").click()
    expect(page.get_by_role("combobox", name="Source piece that asks")).to_have_value("2: dogs")
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open(ADDRESS)
    for name in ("walk", "softmax", "norms"):
        expect(figure(page, name)).to_be_visible()
    assert page.locator(".katex-display").count() == 2
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own


@pytest.mark.parametrize("visitor", ["light narrow"], indirect=True)
def test_a_wide_picture_is_scrolled_not_squeezed(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    expect(figure(page, "walk")).to_be_visible()
    frame = page.locator(".st-key-walk")
    assert frame.evaluate("it => it.scrollWidth - it.clientWidth") > 0
    page.get_by_text("scroll sideways").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("it => it.scrollLeft > 0", arg=frame.element_handle())


@pytest.mark.parametrize("visitor", ["light", "dark"], indirect=True)
def test_queries_are_blue_in_text_and_equation_alike(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    colour = "it => getComputedStyle(it).color"
    word = story(page).get_by_text("query", exact=True)
    letter = page.locator(".katex-display .katex-html .mord.mathnormal", has_text=re.compile("^Q$"))
    assert word.evaluate(colour) == letter.first.evaluate(colour)
