"""The Table 3 page in a real browser: before rows are trained, and with rows of one's own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.system.files import write_json
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.tables import made_up_table
from tests.e2e.conftest import LOOKS, Visitor, idle, link, overflow_px, start_server, violations

pytestmark = pytest.mark.e2e


@pytest.fixture
def own(browser: Browser, tmp_path: Path) -> Iterator[Visitor]:
    """A reader of a family in which base and A-h1 are trained."""
    family = tmp_path / "checkpoints" / "table3"
    write_checkpoint(family / "base", n_heads=16)
    write_checkpoint(family / "A-h1", n_decoder_layers=1, n_heads=1)
    (family / "table.json").write_text(write_json(made_up_table().to_json()))
    options = ("--", "--checkpoints", str(tmp_path / "checkpoints"))
    process, server = start_server(tmp_path / "log", options=options)
    context = browser.new_context(viewport={"width": 420, "height": 800})
    visitor = Visitor(context, server)
    yield visitor
    context.close()
    process.terminate()
    process.wait(10)
    assert not visitor.faults
    assert "Traceback" not in server.log.read_text()


def test_a_head_of_a_row_opens_on_its_page(own: Visitor, streamlits_own: set[str]) -> None:
    page = own.open(f"/table3?text={SENTENCE}&compared=base,A-h1")
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
    expect(page.get_by_role("row", name=re.compile("^A-h1 1 .*higher: worse"))).to_be_visible()
    tile = page.get_by_role("button", name="Layer 2, head 9", exact=True)
    tile.click()
    idle(page)
    expect(tile).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Open this head in Heads").first.click()
    expect(page.get_by_role("heading", name=re.compile("layer 2, head 9"))).to_be_visible()
    idle(page)
    assert link(page)["model"] == "table3/base"


@pytest.mark.parametrize("visitor", ["light", "dark narrow"], indirect=True)
def test_what_cells_say_is_read_with_the_keyboard_alone(
    visitor: Visitor, streamlits_own: set[str]
) -> None:
    page = visitor.open("/table3")
    page.locator("summary").filter(has_text="Every number in words").focus()
    page.keyboard.press("Enter")
    row = page.locator("summary").filter(has_text=re.compile("^big "))
    expect(row).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if row.evaluate("it => it === document.activeElement"):
            break
    said = page.get_by_text(re.compile("^big in the paper: .* 300,000 steps"))
    expect(said).to_be_hidden()
    page.keyboard.press("Enter")
    expect(said).to_be_visible()
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/table3")
    expect(page.get_by_role("row", name=re.compile("^big "))).to_be_attached()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
