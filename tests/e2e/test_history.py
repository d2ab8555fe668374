"""The browser's Back and Forward: one press goes one change of what is on show."""

import re
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor, idle, link

pytestmark = pytest.mark.e2e


def n_entries(page: Page) -> int:
    return int(page.evaluate("history.length"))


def shows(page: Page, layer: int, head: int) -> None:
    name = re.compile(f"layer {layer}, head {head}")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.wait_for_url(re.compile(f"layer={layer}&head={head}"))
    idle(page)


def on_page(page: Page, name: str) -> None:
    """Wait until the page of this name in the address is drawn, link and all."""
    page.wait_for_url(re.compile(f"/{name}\\?text="))
    idle(page)
    assert urlparse(page.url).path == f"/{name}"


def test_every_change_on_a_page_is_one_press(visitor: Visitor) -> None:
    page = visitor.open("/heads?text=A+dog+runs.&layer=1&head=1&left=over")
    shows(page, 1, 1)
    assert "left" not in link(page)
    opened = n_entries(page)
    assert opened == 2  # the empty page before it, and this one
    for layer, head in ((2, 3), (3, 4)):
        page.get_by_role("button", name=f"Layer {layer}, head {head}", exact=True).click()
        shows(page, layer, head)
    assert n_entries(page) == opened + 2
    page.go_back()
    shows(page, 2, 3)
    page.go_back()
    shows(page, 1, 1)
    page.go_forward()
    shows(page, 2, 3)
    page.reload()  # a whole link: what the server writes first is the reader's change
    shows(page, 2, 3)
    page.get_by_role("button", name="Layer 1, head 1", exact=True).click()
    shows(page, 1, 1)
    page.go_back()
    shows(page, 2, 3)


def test_every_change_of_page_is_one_press(visitor: Visitor) -> None:
    """By the menu, and by a block of the model that opens a page."""
    page = visitor.open("/positions?text=A+dog+runs.&layer=2&head=3")
    on_page(page, "positions")
    opened = n_entries(page)
    for name in ("Inside attention", "Anatomy"):
        page.get_by_role("link", name=name).click()
        on_page(page, name.split()[0].lower())
    page.get_by_role("button", name=re.compile("^Softmax")).click()
    on_page(page, "")
    assert n_entries(page) == opened + 3
    for name in ("anatomy", "inside", "positions"):
        page.go_back()
        on_page(page, name)
        assert link(page)["text"] == "A dog runs."
    page.go_forward()
    on_page(page, "inside")
    assert n_entries(page) == opened + 3
