"""The Anatomy page in a real browser, on the bundled checkpoint."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import LOOKS, Visitor, box_of, idle, link, overflow_px, violations
from tests.e2e.test_saving import download

pytestmark = pytest.mark.e2e


FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.localName;
}"""
ADDRESS = "/anatomy?text=A+dog+runs+through+the+snow.&layer=2&head=3&step=2"


def block(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{re.escape(name)}"))


def words(page: Page) -> Locator:
    return page.get_by_role("region", name="This step, or the open block")


def test_the_sentence_is_in_the_figure_and_the_step_moves_all_of_it(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    source = page.get_by_role("group", name="Source pieces").locator(".token")
    expect(source.last).to_have_text("</s>")
    assert source.all_text_contents()[-3:] == ["snow", ".", "</s>"]
    read = page.locator(".tokens.target .token:not(.future)")
    expect(read).to_have_count(2)
    expect(page.locator(".anatomy .now")).to_contain_text("Step 2 of")
    strip = page.locator("[data-name='decoder.layers.feed_forward'] .strip rect").first
    before = strip.evaluate("it => it.style.fill"), page.locator(".distribution").text_content()
    assert before[0].startswith("rgb")
    page.keyboard.press("ArrowRight")
    expect(read).to_have_count(3)
    after = strip.evaluate("it => it.style.fill"), page.locator(".distribution").text_content()
    assert before[0] != after[0]
    assert before[1] != after[1]
    expect(page.locator(".anatomy .now")).to_contain_text("Step 3 of")
    page.wait_for_url(re.compile("step=3"))
    idle(page)
    assert link(page)["step"] == "3"


def test_a_block_opens_in_place_and_closes_again(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    block(page, "Feed Forward (Encoder").click()
    expect(words(page)).to_contain_text("525,568 parameters × 4 layers = 2,102,272")
    expect(words(page)).to_contain_text("of 1,024 units above 0")
    page.wait_for_url(re.compile("block=encoder.layers.feed_forward"))
    idle(page)
    assert page.url.partition("?")[0].endswith("/anatomy")
    page.keyboard.press("Escape")
    expect(words(page).get_by_role("heading")).to_have_text(re.compile("^Step 2 of"))
    expect(block(page, "Feed Forward (Encoder")).to_be_focused()
    page.wait_for_url(lambda url: "block=" not in url)
    idle(page)
    page.go_back()
    expect(words(page).get_by_role("heading")).to_have_text("Feed Forward")


@pytest.mark.parametrize(
    ("name", "heading", "kind"),
    [
        ("Multi-Head Attention (Encoder,", "Encoder self-attention, layer 2, head 3", "encoder"),
        ("Multi-Head Attention (Decoder,", "Cross-attention, layer 2, head 3", "cross"),
    ],
)
def test_the_link_of_an_attention_block_opens_its_head(
    visitor: Visitor, name: str, heading: str, kind: str
) -> None:
    page = visitor.open(f"{ADDRESS}&encoder_layer=2&encoder_head=3")
    block(page, name).locator(".title").click()
    words(page).get_by_role("link").click()
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    idle(page)
    assert page.url.partition("?")[0].endswith("/heads")
    assert link(page).get("kind", "cross") == kind
    assert link(page)["text"] == "A dog runs through the snow."


def test_an_equation_opens_its_numbers_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&decoder_head=4")
    block(page, "Input Embedding").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(words(page)).to_contain_text("Decoder, layer 2 of 4, head 4 of 8")
    expect(words(page)).to_contain_text("softmax(QKT / √dk) V")
    words(page).get_by_role("link").press("Enter")
    expect(page.get_by_role("heading", name="What does one head compute?")).to_be_visible()
    idle(page)
    assert link(page)["step"] == "2"


def test_going_back_does_not_open_a_page_again(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    block(page, "Softmax (Decoder)").click()
    words(page).get_by_role("link").click()
    expect(page.get_by_role("group", name="Words of the translation").first).to_be_visible()
    idle(page)
    page.go_back()
    expect(block(page, "Softmax (Decoder)")).to_be_visible()
    idle(page)
    assert page.url.partition("?")[0].endswith("/anatomy")


def test_a_word_of_the_page_lights_its_way(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    strip = page.locator("[data-name='encoder.embedding.tokens'] .strip rect")
    fills = "cells => cells.map(it => it.style.fill).join()"
    expect(strip).to_have_count(32)
    before = strip.evaluate_all(fills)
    page.locator(".words .source .word", has_text="snow").hover()
    expect(page.locator(".tokens.source .token.lit")).to_have_text(["snow", "."])
    assert strip.evaluate_all(fills) != before
    page.locator(".words .language").first.hover()
    expect(page.locator(".tokens.source .token.lit")).to_have_count(0)
    assert strip.evaluate_all(fills) == before


def test_the_figure_is_saved_as_a_vector_graphic_without_what_only_a_page_can_do(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.open(ADDRESS)
    file = download(page, "Save this picture as SVG", tmp_path)
    assert file.suffix == ".svg"
    drawn = ElementTree.parse(file).getroot()
    nodes = list(drawn.iter())
    texts = [node.text for node in nodes if node.text]
    assert {"Inputs", "Masked Multi-Head Attention", "Output probabilities", "snow"} <= set(texts)
    assert drawn.attrib["role"] == "img"
    assert not any(set(node.attrib) & {"class", "role", "tabindex", "style"} for node in nodes[1:])
    assert not any("foreignObject" in node.tag for node in nodes)
    assert not [node for node in nodes if node.get("fill", "").startswith(("var", "color"))]


def test_the_small_figure_takes_no_part_in_the_keyboard(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    expect(page.locator(".whole use")).to_be_attached()
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    assert "g" in reached  # a block of the figure itself
    assert "use" not in reached


def test_the_whole_figure_is_seen_small_and_a_click_in_it_goes_there(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    small = page.locator(".whole")
    box = box_of(small)
    assert box["y"] + box["height"] <= page.viewport_size["height"]
    inputs = page.locator(".block[data-name='encoder.embedding.tokens']")
    expect(inputs).not_to_be_in_viewport()
    small.click(position={"x": 0.25 * box["width"], "y": 0.93 * box["height"]})
    expect(inputs).to_be_in_viewport()
    seen = small.locator(".seen").evaluate("it => [it.y, it.height].map(one => one.baseVal.value)")
    assert seen[0] > 0
    assert seen[1] > 0


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open(f"{ADDRESS}&block=decoder.layers.cross_attention_norm")
    expect(words(page).get_by_role("heading")).to_have_text("Add & Norm")
    expect(page.locator(".anatomy .block")).to_have_count(2 + 5 + 2 + 8 + 2)
    expect(page.locator(".anatomy .strip rect").first).to_have_attribute("style", re.compile("rgb"))
    assert overflow_px(page) <= 0
    figure = page.locator(".anatomy .figure").evaluate("it => it.scrollWidth - it.clientWidth")
    assert figure <= 0
    assert violations(page) <= streamlits_own
