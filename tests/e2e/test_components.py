"""Components in a real browser and a real server: keyboard, answers, accessibility."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server, Visitor, idle, start_server, violations

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def gallery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")  # as the app's own settings
        log = tmp_path_factory.mktemp("gallery") / "log"
        process, server = start_server(log, "tests/explorer/gallery_app.py")
    yield server
    process.terminate()
    process.wait(10)
    assert "Traceback" not in log.read_text()


@pytest.fixture(params=["light", "dark"])
def gallery(
    request: pytest.FixtureRequest, browser: Browser, gallery_server: Server
) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=request.param
    )
    visitor = Visitor(context, gallery_server)
    yield visitor.open()
    context.close()
    assert not visitor.faults


def test_a_branch_is_opened_by_keyboard_and_by_mouse(gallery: Page) -> None:
    tree = gallery.get_by_role("group", name="Tree of hypotheses")
    tree.get_by_role("button").first.focus()
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("ArrowRight")
    gallery.keyboard.press("ArrowLeft")
    gallery.keyboard.press("Enter")
    expect(gallery.get_by_text("Node: 1")).to_be_visible()
    idle(gallery)
    tree.get_by_role("button", name="t5,").click()
    expect(gallery.get_by_text("Node: 5")).to_be_visible()
    expect(tree.locator(".chosen")).to_have_count(1)


def test_siblings_are_one_arrow_apart(gallery: Page) -> None:
    tree = gallery.get_by_role("group", name="Tree of hypotheses")
    tree.get_by_role("button").nth(1).focus()
    gallery.keyboard.press("ArrowDown")
    gallery.keyboard.press("Enter")
    expect(gallery.get_by_text("Node: 2")).to_be_visible()


def test_a_block_opens_in_place_and_its_link_asks_for_the_page(gallery: Page) -> None:
    model = gallery.get_by_role("group", name="The model as Figure 1")
    model.get_by_role("button", name="Feed Forward (Encoder").click()
    words = gallery.get_by_role("region", name="This step, or the open block")
    expect(words.get_by_role("heading")).to_have_text("Feed Forward")
    expect(words.get_by_role("link")).to_have_count(0)  # this app has no page for it
    model.get_by_role("button", name="Input Embedding (Encoder)").focus()
    gallery.keyboard.press("ArrowUp")
    gallery.keyboard.press("Enter")
    expect(words.get_by_role("heading")).to_have_text("Positional Encoding")
    expect(gallery.get_by_text("Page: None")).to_be_visible()
    words.get_by_role("link").click()
    expect(gallery.get_by_text("Page: Positions")).to_be_visible()


def test_pointing_previews_and_a_click_keeps_the_lines(gallery: Page) -> None:
    asks = gallery.get_by_role("group", name="asks").get_by_role("button")
    status = gallery.locator(".status")
    asks.nth(1).hover()
    expect(status).to_contain_text("“<i>b</i>” looks at L1H1:")
    asks.nth(1).click()
    asks.nth(2).hover()
    expect(status).to_contain_text("“<i>b</i>” looks at")
    gallery.keyboard.press("Escape")
    gallery.keyboard.press("ArrowRight")
    expect(status).to_contain_text("“y” is looked at by")
    gallery.keyboard.press("ArrowDown")
    gallery.keyboard.press("Enter")
    expect(
        gallery.get_by_role("group", name="looked at").get_by_role("button").nth(2)
    ).to_have_attribute("aria-pressed", "true")


def test_a_head_that_is_switched_off_says_nothing(gallery: Page) -> None:
    gallery.get_by_role("button", name="L1H1").click()
    gallery.get_by_role("group", name="asks").get_by_role("button").first.hover()
    expect(gallery.locator(".status")).to_contain_text("L1H2:")
    expect(gallery.locator(".status")).not_to_contain_text("L1H1:")


def test_axe_finds_nothing_that_an_empty_page_does_not_have(
    gallery: Page, streamlits_own: set[str]
) -> None:
    assert violations(gallery) <= streamlits_own
