"""The pages Two sentences, A text and Claims, and the split on Inside attention, in a real browser."""

import re
from functools import cache

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.analysis.head_place import HeadPlace
from core.analysis.patching.patch import Patching, patching
from explorer.app_pages.patching.pairs import PAIRS
from tests.bundled import translator
from tests.e2e.conftest import LOOKS, Visitor, box_of, idle, link, overflow_px, violations

pytestmark = pytest.mark.e2e


def click_cell(page: Page, chart: int, row: int, column: int, shape: tuple[int, int]) -> None:
    """Click a cell of a chart; rows and columns count from 0."""
    cells = page.locator(".js-plotly-plot").nth(chart).locator(".nsewdrag").first
    cells.scroll_into_view_if_needed()
    box = box_of(cells)
    x, y = box["width"] * (column + 0.5) / shape[1], box["height"] * (row + 0.5) / shape[0]
    cells.click(position={"x": x, "y": y})


@cache
def patched() -> Patching:
    """The first pair of the page, compared by the model itself."""
    first, second = (translator().trace(text) for text in next(iter(PAIRS.values())))
    return patching(translator().checkpoint.model, first, second)


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_the_head_that_carries_the_difference_is_a_click_away(
    visitor: Visitor, streamlits_own: set[str]
) -> None:
    shares = {
        HeadPlace(kind, *place): float(share)
        for kind, grid in patched().heads.items()
        for place, share in np.ndenumerate(grid.shares)
    }
    most = max(shares, key=shares.__getitem__)
    page = visitor.open("/patching")
    carries = page.get_by_text(f"{most.name} carries most: {100 * shares[most]:.0f} %")
    expect(carries).to_be_visible()
    idle(page)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
    click_cell(page, 1, 0, 4, (4, 8))  # of the encoder
    page.wait_for_url(re.compile("head=5"))
    idle(page)
    assert link(page)["kind"] == "encoder"
    click_cell(page, 0, 3, 5, (4, 8))
    page.wait_for_url(re.compile("head=6"))
    idle(page)
    assert link(page)["layer"] == "4"
    assert link(page).get("kind", "cross") == "cross"
    share = f"{100 * shares[HeadPlace('cross', 3, 5)]:.0f} %".replace("-", "−")
    expect(page.get_by_text(f"layer 4, head 6 carries {share};")).to_be_visible()
    page.get_by_role("button", name="Open in Heads").click()
    expect(page.get_by_role("heading", name="Which head looks where?")).to_be_visible()


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_a_pasted_text_is_measured_line_by_line(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/over_text?measured_text=typed&line=2")
    box = page.get_by_role("textbox", name="Your text")
    box.fill("A dog runs.\tEin Hund rennt.\nA man is riding a horse.\n\nTwo women sing.")
    box.press("Control+Enter")
    page.get_by_role("button", name="Measure 3 sentences").click()
    expect(page.get_by_text("Line 2.")).to_be_visible(timeout=60_000)
    idle(page)
    assert overflow_px(page) <= 0
    found = {each for each in violations(page) if "stFileUploaderDropzone" not in each}
    assert (
        found <= streamlits_own
    )  # the place to drop a file is Streamlit's, and not on its empty page
    page.get_by_role("button", name="Lenses", exact=True).click()
    expect(page.get_by_role("heading", name="What does each layer know?")).to_be_visible()
    idle(page)
    assert link(page)["text"] == "A man is riding a horse."


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_claims_lead_to_the_page_that_shows_them(
    visitor: Visitor, streamlits_own: set[str]
) -> None:
    page = visitor.open("/claims")
    expect(page.get_by_text("Few heads matter when they are left out")).to_be_visible()
    idle(page)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
    page.get_by_role("link", name="See it on Lenses").first.click()
    expect(page.get_by_role("heading", name="What does each layer know?")).to_be_visible()
    expect(page.locator(".js-plotly-plot").nth(1)).to_be_visible()
    idle(page)
    assert violations(page) <= streamlits_own


def test_the_split_follows_the_row(visitor: Visitor) -> None:
    page = visitor.open("/inside?kind=encoder&layer=1&head=2&row=2&split=both")
    expect(page.get_by_text("position → token", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("“woman” scores"))).to_be_visible()
    page.get_by_role("radio", name="Query").click()
    page.wait_for_url(re.compile("split=query"))
    idle(page)
    expect(page.get_by_text("position → token", exact=True)).to_have_count(0)


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_why_this_word_can_be_read(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/why?step=7")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    idle(page)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
