"""The translate page in a real browser, on the bundled checkpoint."""

import re
from urllib.parse import parse_qs, urlparse

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from explorer.state import EXAMPLES
from tests.e2e.conftest import Visitor, idle

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

expect.set_options(timeout=30_000)

SENTENCE = "Two dogs are running on the beach."


def link(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def translate(page: Page, text: str) -> None:
    page.get_by_label("English sentence").fill(text)
    page.get_by_role("button", name="Translate").click()
    source = page.get_by_role("group", name="Source words")
    expect(source).to_contain_text(text.rsplit(maxsplit=1)[-1], timeout=60_000)
    idle(page)


def test_a_sentence_is_translated_a_head_chosen_and_the_link_shows_the_same(
    visitor: Visitor,
) -> None:
    page = visitor.open()
    translate(page, SENTENCE)
    translation = page.get_by_role("group", name="Words of the translation")
    expect(translation).to_contain_text("Hunde")
    page.get_by_role("button", name="Layer 2, head 3").click()
    heading = page.get_by_role("heading", name=re.compile("Cross-attention, layer 2, head 3"))
    expect(heading).to_be_visible()
    idle(page)
    assert link(page) == {"text": SENTENCE, "layer": "2", "head": "3"}

    again = visitor.open("/?" + urlparse(page.url).query)
    expect(again.get_by_role("heading", name=re.compile("layer 2, head 3"))).to_be_visible()
    expect(again.get_by_role("group", name="Words of the translation")).to_have_text(
        translation.inner_text().replace("\n", ""), use_inner_text=False
    )
    expect(again.get_by_role("button", name="Layer 2, head 3")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_the_first_visit_shows_an_example(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.get_by_role("group", name="Source words")).to_contain_text(EXAMPLES[0].split()[1])
    expect(page.locator(".js-plotly-plot")).to_be_visible()
    assert link(page)["text"] == EXAMPLES[0]


def test_an_example_is_one_click_away(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("radio", name=EXAMPLES[2]).click()
    expect(page.get_by_role("group", name="Source words")).to_contain_text("yesterday.")
    idle(page)
    assert link(page)["text"] == EXAMPLES[2]
    assert page.get_by_label("English sentence").input_value() == EXAMPLES[2]


def test_heads_can_be_chosen_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open("/?layer=1&head=1")
    page.get_by_role("button", name="Layer 1, head 1").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("layer 2, head 2"))).to_be_visible()


def test_pointing_at_a_word_shows_its_partner(visitor: Visitor) -> None:
    page = visitor.open()
    word = page.get_by_role("group", name="Words of the translation").get_by_role("button").first
    word.hover()
    partner = page.get_by_role("group", name="Source words").locator(".linked")
    expect(partner).to_have_count(1)
    assert partner.inner_text() in word.inner_text()


@pytest.mark.parametrize("visitor", ["light", "dark", "light narrow", "dark narrow"], indirect=True)
def test_every_look_draws_the_whole_page(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.locator(".js-plotly-plot")).to_be_visible()
    n_tiles = page.get_by_role("button", name=re.compile(r"^Layer \d+, head \d+$")).count()
    assert n_tiles >= 4 * 8
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "**bold** `code` $x$", "שלום 日本 👩‍👩‍👧"]
)
def test_hostile_text_appears_as_typed(visitor: Visitor, text: str) -> None:
    page = visitor.open()
    translate(page, text)
    shown = page.get_by_role("group", name="Source words").get_by_role("button").all_inner_texts()
    assert " ".join(shown) == text


def violations(page: Page) -> set[str]:
    return {
        f"{violation['id']}: {node['html'][:300]}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
    }


@pytest.mark.parametrize("visitor", ["light", "dark"], indirect=True)
def test_axe_finds_nothing_that_an_empty_page_does_not_have(
    visitor: Visitor, empty_page: Page
) -> None:
    assert violations(visitor.open()) <= violations(empty_page)
