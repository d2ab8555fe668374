"""The Anatomy page in a real browser, on the bundled checkpoint."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import LOOKS, Visitor, idle, link, overflow_px, violations

pytestmark = pytest.mark.e2e


ADDRESS = "/anatomy?text=A+dog+runs+through+the+snow.&layer=2&head=3&step=2"


def block(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{re.escape(name)}"))


@pytest.mark.parametrize(
    ("name", "heading", "kind"),
    [
        ("Multi-Head Attention (encoder,", "Encoder self-attention, layer 2, head 3", "encoder"),
        ("Masked Multi-Head Attention (", "Decoder self-attention, layer 2, head 3", "decoder"),
        ("Multi-Head Attention (decoder,", "Cross-attention, layer 2, head 3", "cross"),
    ],
)
def test_an_attention_block_opens_its_heads(
    visitor: Visitor, name: str, heading: str, kind: str
) -> None:
    page = visitor.open(ADDRESS)
    block(page, name).locator(".title").click()
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    idle(page)
    assert page.url.partition("?")[0].endswith("/heads")
    assert link(page).get("kind", "cross") == kind
    assert link(page)["text"] == "A dog runs through the snow."


def test_an_equation_opens_its_numbers_by_keyboard(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    block(page, "Input Embedding").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    expect(page.locator(".anatomy .facts b")).to_have_text(
        "softmax(QKᵀ/√dₖ) V (decoder, in each of 4 layers)"
    )
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("heading", name="Equation 1, decoder self-attention, layer 2, head 3")
    ).to_be_visible()
    idle(page)
    assert link(page)["step"] == "2"


def test_the_softmax_opens_the_translation(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    block(page, "Softmax (decoder)").click()
    expect(page.get_by_role("group", name="Words of the translation").first).to_be_visible()


def test_going_back_does_not_open_it_again(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    block(page, "Softmax (decoder)").click()
    expect(page.get_by_role("group", name="Words of the translation").first).to_be_visible()
    idle(page)
    page.get_by_role("link", name="Anatomy").click()
    expect(block(page, "Softmax (decoder)")).to_be_visible()
    idle(page)
    assert page.url.partition("?")[0].endswith("/anatomy")


def test_a_block_without_a_page_is_only_looked_at(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    block(page, "Feed Forward (encoder").hover()
    expect(page.locator(".anatomy .facts")).to_contain_text("525,568 parameters × 4 = 2,102,272")
    block(page, "Feed Forward (encoder").locator(".title").click(force=True)
    idle(page)
    assert page.url.partition("?")[0].endswith("/anatomy")


def test_what_is_said_of_a_block_is_in_sight(visitor: Visitor) -> None:
    page = visitor.open(ADDRESS)
    block(page, "Softmax (decoder)").hover()
    expect(page.locator(".anatomy .facts b")).to_have_text("Softmax (decoder)")
    expect(page.locator(".anatomy .facts")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open(ADDRESS)
    expect(page.get_by_role("heading", name=re.compile(r"^[\d,]+ parameters$"))).to_be_visible()
    expect(page.locator(".anatomy .block")).to_have_count(2 + 5 + 2 + 8 + 2)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
