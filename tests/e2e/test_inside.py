"""The page Inside attention in a real browser, on the bundled checkpoint."""

import re
from typing import Any
from urllib.parse import urlparse

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import core
from core.analysis.heads.measures import keys_of
from explorer.figures.head import piece_labels
from tests.e2e.conftest import LOOKS, ROOT, Visitor, box_of, idle, overflow_px, violations

pytestmark = pytest.mark.e2e


TEXT = "A dog runs through the snow."
ADDRESS = "/inside?text=A+dog+runs+through+the+snow."


def equation(page: Page) -> Locator:
    return page.get_by_role("group", name=re.compile("^Equation 1, "))


def story(page: Page) -> Locator:
    """The sentence that tells the row."""
    return equation(page).locator(".story")


def chosen(page: Page) -> Locator:
    return equation(page).locator(".chip[aria-pressed=true]")


def figure(page: Page) -> Locator:
    return page.locator(".st-key-norms .js-plotly-plot")


def test_a_row_is_chosen_and_the_link_shows_the_same(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&step=2")
    before = story(page).inner_text()
    equation(page).get_by_role("button", name=re.compile("^Row 3: ")).click()
    expect(story(page)).not_to_have_text(before)
    page.wait_for_url(re.compile("step=3"))
    equation(page).get_by_role("button", name="Stage 2").click()
    page.wait_for_url(re.compile("stage=2"))
    again = visitor.open("/inside?" + urlparse(page.url).query)
    expect(story(again)).to_have_text(story(page).inner_text())
    expect(equation(again).get_by_role("button", name="Stage 2")).to_have_attribute(
        "aria-current", "step"
    )


def test_rows_and_heads_are_chosen_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&step=2")
    expect(chosen(page)).to_have_attribute("aria-label", re.compile("^Row 2: "))
    page.keyboard.press("ArrowRight")
    expect(chosen(page)).to_have_attribute("aria-label", re.compile("^Row 3: "))
    page.wait_for_url(re.compile("step=3"))
    head = page.get_by_role("combobox", name="Head")
    head.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("8")
    page.keyboard.press("Enter")
    expect(equation(page)).to_have_attribute("aria-label", re.compile("head 8$"))
    expect(chosen(page)).to_have_attribute("aria-label", re.compile("^Row 3: "))


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("∞", "inf").removesuffix(" %"))


@pytest.mark.parametrize(
    ("kind", "layer", "head", "row"),
    [("decoder", 2, 3, 4), ("cross", 1, 6, 3), ("encoder", 3, 2, 2)],
)
def test_the_numbers_on_the_page_are_those_of_the_head(
    visitor: Visitor, kind: Any, layer: int, head: int, row: int
) -> None:
    """Of the row in the link, and of the next one, which the server did not draw."""
    translator = core.load(ROOT / "checkpoints" / "en-de")
    trace = translator.trace(TEXT)
    of = translator.inside(trace, kind, layer=layer, head=head)
    asks = "row" if kind == "encoder" else "step"
    page = visitor.open(f"{ADDRESS}&kind={kind}&layer={layer}&head={head}&{asks}={row}")
    drawn = equation(page)
    expect(drawn.locator(".row .label")).to_have_text(
        piece_labels(piece.name for piece in keys_of(trace, kind))
    )
    for at in (row - 1, row):
        if at == row:
            page.keyboard.press("ArrowRight")
        for name, expected, digits in (
            ("c-products", of.products[at], 0.051), ("c-scaled", of.scores[at], 0.051),
            ("c-masked", np.where(of.visible[at], of.scores[at], -np.inf), 0.051),
            ("c-weights", 100 * of.weights[at], 0.51),
        ):  # fmt: skip
            if name == "c-masked" and of.visible[at].all():
                expect(drawn.locator(f".row .{name}").first).to_be_hidden()
                continue
            texts = drawn.locator(f".row .{name}").evaluate_all(
                "cells => cells.map(cell => (cell.querySelector('.number') ?? cell).textContent)"
            )
            shown = np.array([number(text.replace("< 1 %", "0.5 %")) for text in texts])
            np.testing.assert_allclose(shown, expected, atol=digits, err_msg=name)
        said = drawn.locator("canvas.output").get_attribute("aria-label") or ""
        output = [number(text) for text in said.removeprefix("Output of the head: ").split(", ")]
        np.testing.assert_allclose(output, of.output[at], atol=0.0051)


def test_a_click_on_a_heads_length_goes_to_that_head(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&layer=1&head=6&step=2")
    targets = figure(page).locator(".barlayer .point path")
    expect(targets.first).to_be_attached()
    figure(page).scroll_into_view_if_needed()
    box = box_of(targets.nth(8 * 3 + 4))  # of the fourth row, the fifth of eight heads
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(equation(page)).to_have_attribute("aria-label", re.compile("layer 1, head 5$"))
    expect(chosen(page)).to_have_attribute("aria-label", re.compile("^Row 4: "))
    page.wait_for_url(re.compile("head=5&step=4"))


def test_each_kind_has_rows_of_its_own(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&row=2&step=4")
    for name, asks, row in (
        ("Encoder self-attention", "Token that asks", "Row 2: dog"),
        ("Decoder self-attention", "Step that asks", "Row 4: "),
    ):
        page.get_by_role("radio", name=name).click()
        expect(equation(page)).to_have_attribute("aria-label", re.compile(name))
        idle(page)
        expect(page.get_by_role("group", name=asks)).to_be_visible()
        expect(chosen(page)).to_have_attribute("aria-label", re.compile(f"^{row}"))
    expect(equation(page).locator(".c-masked.hidden").first).to_have_text("−∞")


def test_another_sentence_opens_on_a_row_of_its_own(visitor: Visitor) -> None:
    page = visitor.open(f"{ADDRESS}&kind=encoder&row=7")
    page.get_by_label("English sentence").fill("Two dogs.")
    page.get_by_role("button", name="Translate").click()
    expect(equation(page).locator(".chip")).to_have_count(4)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.wait_for_url(re.compile("row=[1-4](&|$)"))


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open(ADDRESS)
    expect(equation(page).locator(".row").first).to_be_visible()
    expect(figure(page)).to_be_visible()
    assert page.locator(".katex-display").count() == 1
    assert overflow_px(page) <= 0
    smallest = equation(page).evaluate(
        "root => Math.min(...[...root.querySelectorAll('*')].filter(it => it.textContent.trim()"
        " && it.namespaceURI.endsWith('xhtml')).map(it => parseFloat(getComputedStyle(it).fontSize)))"
    )
    assert smallest >= 12
    assert violations(page) <= streamlits_own


@pytest.mark.parametrize("visitor", ["light narrow"], indirect=True)
def test_a_wide_picture_is_scrolled_not_squeezed(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    box = equation(page).locator(".box")
    assert box.evaluate("it => it.scrollWidth - it.clientWidth") > 0
    expect(equation(page).get_by_text("Scroll sideways for the rest")).to_be_visible()
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("it => it.scrollLeft > 0", arg=box.element_handle())


@pytest.mark.parametrize("visitor", ["light", "dark"], indirect=True)
def test_queries_are_blue_in_text_and_equation_alike(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    colour = "it => getComputedStyle(it).color"
    word = story(page).get_by_text("query", exact=True)
    letter = equation(page).locator(".formula .query").first
    assert word.evaluate(colour) == letter.evaluate(colour)
