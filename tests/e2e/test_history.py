"""The browser's Back and Forward: one press goes one change of what is on show."""

import re
import time
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Visitor, idle, link, open_from_menu

pytestmark = pytest.mark.e2e


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
    for layer, head in ((2, 3), (3, 4)):
        page.get_by_role("button", name=f"Layer {layer}, head {head}", exact=True).click()
        shows(page, layer, head)
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
    for name in ("Inside attention", "Anatomy"):
        open_from_menu(page, name)
        on_page(page, name.split()[0].lower())
    page.get_by_role("button", name=re.compile("^Softmax")).click()  # opens in place: an entry too
    page.wait_for_url(re.compile("block=softmax"))
    idle(page)
    page.locator(".anatomy .panel").get_by_role("link").click()
    on_page(page, "")
    for name in ("anatomy", "anatomy", "inside", "positions"):
        page.go_back()
        on_page(page, name)
        assert link(page)["text"] == "A dog runs."
    page.go_forward()
    on_page(page, "inside")


def test_a_page_that_opens_another_is_one_press_in_whatever_order_its_address_comes(
    visitor: Visitor,
) -> None:
    """Of the new page's link and its name, a quick server's link comes first."""
    page = visitor.open("/anatomy?text=A+dog+runs.")
    on_page(page, "anatomy")
    page.get_by_role("button", name=re.compile("^Softmax")).click()
    page.wait_for_url(re.compile("block=softmax"))
    idle(page)
    push = "url => { history.pushState({}, '', url); return navigation.entries().length }"
    for addresses in (
        ("/anatomy", "/anatomy?text=A+dog+runs.&step=2", "/?text=A+dog+runs.&step=2"),
        ("/anatomy", "/", "/?text=A+dog+runs.&step=2"),
    ):
        before = page.evaluate("navigation.entries().length")
        numbers = [page.evaluate(push, address) for address in addresses]
        assert numbers == [before + 1] * 3
        page.evaluate("history.replaceState({}, '', '/anatomy?text=A+dog+runs.')")
    page.mouse.click(1, 1)  # whatever the reader changes next is an entry of its own
    before = page.evaluate("navigation.entries().length")
    assert page.evaluate(push, "/anatomy?text=A+dog+runs.&step=1") == before + 1


def test_a_link_that_is_completed_before_the_script_is_there_costs_no_press(
    visitor: Visitor,
) -> None:
    """On a slow connection the server's link is an entry of its own: Back passes over the first."""
    page = visitor.open("/?text=A+dog+runs.")
    on_page(page, "")

    def late(route: Route) -> None:
        time.sleep(3)
        route.continue_()

    page.route(re.compile(r"/static/js/Html\..*\.js"), late)
    page.goto(f"{visitor.server.url}/heads?text=A+dog+runs.&layer=1&head=1&left=over")
    shows(page, 1, 1)
    page.wait_for_function("history.pushState.isOneEntryAChange")
    assert page.evaluate("navigation.entries().at(-2).sameDocument"), "the script came in time"
    page.get_by_role("button", name="Layer 2, head 3", exact=True).click()
    shows(page, 2, 3)
    page.go_back()
    shows(page, 1, 1)
    page.go_back()
    on_page(page, "")
    page.go_forward()
    shows(page, 1, 1)
