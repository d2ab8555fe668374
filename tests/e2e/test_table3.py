"""The Table 3 page in a real browser: before rows are trained, and with rows of one's own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.experiments.table3.rows import TEST
from core.experiments.table3.table import read_table
from core.system.files import write_json
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.tables import made_up_table
from tests.e2e.conftest import (
    LOOKS,
    Visitor,
    box_of,
    idle,
    link,
    overflow_px,
    start_server,
    violations,
)
from tests.test_table3 import FOLDER

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
    expect(page.get_by_role("row", name=re.compile("1 head instead of 8.*worse"))).to_be_visible()
    tile = page.get_by_role("button", name="Layer 2, head 9", exact=True)
    tile.click()
    idle(page)
    expect(tile).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Open this head in Heads").first.click()
    expect(page.get_by_role("heading", name=re.compile("layer 2, head 9"))).to_be_visible()
    idle(page)
    assert link(page)["model"] == "table3/base"


ROWS = read_table(FOLDER / "table.json").rows


def names(page: Page) -> list[str]:
    return page.locator(".table3 .line").evaluate_all("rows => rows.map((row) => row.dataset.row)")


def difference(name: str) -> float:
    measured = next(row.measured for row in ROWS if row.name == name)
    assert measured
    return measured.against_base[TEST]["bleu"].difference


def test_a_header_sorts_and_stays_in_sight(visitor: Visitor) -> None:
    page = visitor.open("/table3?compared=base")
    expect(page.locator(".table3 .line")).to_have_count(len(ROWS))
    assert names(page) == [row.name for row in ROWS]
    header = page.locator(".table3 .names").get_by_role("button", name="BLEU").first
    header.click()
    by_bleu = sorted((row.name for row in ROWS if row.name != "base"), key=difference)
    assert names(page) == [*reversed(by_bleu), "base"]
    expect(header.locator("xpath=..")).to_have_attribute("aria-sort", "descending")
    before = box_of(header)
    page.locator(".table3 .frame").evaluate("frame => frame.scrollTo(0, 400)")
    assert box_of(header) == before
    assert page.locator(".table3 .frame").evaluate("frame => frame.scrollTop") > 100
    page.wait_for_url(re.compile("sort=bleu_change"))
    idle(page)
    header.click()
    assert names(page) == [*by_bleu, "base"]
    header.click()
    assert names(page) == [row.name for row in ROWS]
    page.wait_for_timeout(500)
    idle(page)
    assert "sort" not in link(page)


def test_a_row_says_better_and_worse_in_colour_and_in_words(visitor: Visitor) -> None:
    page = visitor.open("/table3?compared=base")
    for name, classes in (("A-h1", ["better", "same"]), ("C-N2", ["worse", "worse"])):
        cells = page.locator(f".line[data-row='{name}'] .dots")
        expect(cells).to_have_count(len(classes))
        assert [cell.get_attribute("class") for cell in cells.all()] == [
            f"dots {of}{' first' * (not n)}" for n, of in enumerate(classes)
        ]
        signs = {"better": "▲better than base", "same": "≈no difference", "worse": "▼worse than"}
        for cell, of in zip(cells.all(), classes, strict=True):
            assert signs[of] in cell.inner_text().replace("\n", "")
    one_head, few_layers = (
        page.locator(f".line[data-row='{name}'] .dots .dot").first.get_attribute("cx")
        for name in ("A-h1", "C-N2")
    )
    assert one_head and few_layers  # noqa: PT018
    assert float(one_head) > float(few_layers)  # better is on the right


@pytest.mark.parametrize("visitor", ["light", "dark narrow"], indirect=True)
def test_details_open_with_the_keyboard_alone(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/table3?compared=base")
    opener = page.get_by_role("button", name=re.compile("^A quarter of the key size"))
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("d_model = 512.*trained on WMT 2014"))).to_be_visible()
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    page.wait_for_timeout(500)
    idle(page)
    assert link(page)["opened"] == "B-dk16"
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own


def test_a_tick_compares_a_model_on_the_sentence(visitor: Visitor) -> None:
    page = visitor.open("/table3?compared=base,A-h1,C-N2")
    compared = page.locator(".compared .of b")
    expect(compared).to_have_text(["base", "A-h1", "C-N2", "A person"])
    page.get_by_role("checkbox", name="Compare D-drop0.0").check()
    expect(compared).to_have_text(["base", "A-h1", "C-N2", "D-drop0.0", "A person"])
    expect(page.get_by_role("checkbox", name="Compare big")).to_be_disabled()
    idle(page)
    assert link(page)["compared"] == "base,A-h1,C-N2,D-drop0.0"


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/table3")
    expect(page.get_by_role("row", name=re.compile("Twice the width, "))).to_be_attached()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
