"""A click in a picture of the app chooses what was clicked, beside the numbers of the model itself."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, Position, expect

import core
from core.analysis.trace.trace import Trace
from tests.e2e.conftest import ROOT, Visitor, box_of, idle, link

pytestmark = pytest.mark.e2e

TEXT = "A dog runs through the snow."
DRAWN = "document.querySelector('.js-plotly-plot')"


@pytest.fixture(scope="module")
def traced() -> Trace:
    return core.load(ROOT / "checkpoints/en-de").trace(TEXT)


def drawn_head(page: Page) -> tuple[list[list[float]], list[str], list[float]]:
    """What Plotly drew: numbers, what is written in the cells, and top and bottom of the frame."""
    z, text, frame = page.evaluate(
        f"[{DRAWN}.calcdata[0][0].z.map(row => [...row]), {DRAWN}._fullData[1].text,"
        f"[{DRAWN}.layout.shapes[0].y0, {DRAWN}.layout.shapes[0].y1]]"
    )
    return z, text, frame


def cell(page: Page, row: int, column: int, shape: tuple[int, int]) -> tuple[Locator, Position]:
    """All cells, and where among them this one is, both numbers from 0."""
    cells = page.locator(".js-plotly-plot .nsewdrag").first
    box = box_of(cells)
    x, y = box["width"] * (column + 0.5) / shape[1], box["height"] * (row + 0.5) / shape[0]
    return cells, {"x": x, "y": y}


def click_cell(page: Page, row: int, column: int, shape: tuple[int, int]) -> None:
    cells, at = cell(page, row, column, shape)
    cells.click(position=at)


def click_row_and_read(page: Page, row: int, asks: str, weights: NDArray[np.floating]) -> None:
    """Click a cell of a row, from 1: the link and the frame name it, the numbers are the head's."""
    click_cell(page, row - 1, 1, weights.shape)
    page.wait_for_url(re.compile(rf"[?&]{asks}={row}(&|$)"))
    idle(page)
    z, text, frame = drawn_head(page)
    np.testing.assert_allclose(z, weights, atol=1e-5)
    assert frame == [row - 1.5, row - 0.5]
    cells, place = cell(page, row - 1, 2, weights.shape)
    cells.hover(position=place)
    said = re.compile(rf"looks at .*: {weights[row - 1, 2]:.3f}$")
    expect(page.locator(".hoverlayer .hovertext")).to_have_text(said)
    for printed, weight in zip(text, weights.flat, strict=True):
        assert float(printed or 0) == pytest.approx(weight, abs=0.006)


def test_the_cell_that_is_clicked_is_in_the_row_that_is_then_named(
    visitor: Visitor, traced: Trace
) -> None:
    page = visitor.open(f"/heads?text={TEXT.replace(' ', '+')}&layer=2&head=3")
    weights = traced.weights["cross"]
    click_row_and_read(page, 5, "step", weights[1, 2])
    page.get_by_role("button", name="Layer 4, head 7", exact=True).click()
    expect(page.get_by_role("heading", name="Cross-attention, layer 4, head 7")).to_be_visible()
    idle(page)
    click_row_and_read(page, 2, "step", weights[3, 6])
    step = page.get_by_role("combobox", name="Which head should I look at for this step?")
    consumed, produced = (traced.target.pieces[i].name.removeprefix("▁") for i in (0, 1))
    expect(step).to_have_value(f"2: {consumed} → {produced}")
    assert (link(page)["layer"], link(page)["head"]) == ("4", "7")
    page.get_by_role("radio", name="Encoder self-attention", exact=True).click()
    expect(page.get_by_role("heading", name="Encoder self-attention, layer 4")).to_be_visible()
    idle(page)
    click_row_and_read(page, 4, "row", traced.weights["encoder"][3, 6])


def test_a_candidate_and_a_branch_that_are_clicked_begin_the_translation(
    visitor: Visitor, traced: Trace
) -> None:
    page = visitor.open(f"/?text={TEXT.replace(' ', '+')}")
    tree = traced.found.tree
    won = set(traced.found.ends[:1])
    while (first := min(won)) > 0:
        won.add(tree[first].parent)
    node = max(
        index
        for index, of in enumerate(tree)
        if index not in won and of.depth > 2 and not of.is_end
    )
    page.locator(".beam .node").nth(node).click()
    path: list[int] = []
    while tree[node].parent >= 0:
        path.insert(0, tree[node].token)
        node = tree[node].parent
    page.wait_for_url(re.compile(rf"prefix={'.'.join(map(str, path))}(&|$)"))
    idle(page)
    page.get_by_role("button", name="Undo", exact=True).click()
    page.wait_for_url(lambda url: "prefix" not in url)
    idle(page)
    step = traced.steps[2]
    other = [each.token for each in step.candidates if each.token != step.token][1]
    column = page.locator(".stepper").first.locator(".column").nth(2)
    column.get_by_role("button", name=re.compile("go on from here with it at step 3")).nth(
        1
    ).click()
    begun = [*traced.best.tokens[:2], other]
    page.wait_for_url(re.compile(rf"prefix={'.'.join(map(str, begun))}(&|$)"))
    idle(page)
    assert link(page)["step"] == "3"
