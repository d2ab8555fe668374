"""What a reader takes away: pictures, data, and the link."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.analysis.trace.trace import Trace
from explorer.choice.choice import EXAMPLES
from explorer.figures.drawing import text_width
from tests.e2e.board import pixels
from tests.e2e.conftest import Visitor, idle, link

pytestmark = pytest.mark.e2e


def download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).first.click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


@pytest.mark.parametrize("address", ["/", "/heads", "/inside", "/ablate?swept=1", "/anatomy"])
def test_a_picture_is_saved_as_it_looks(visitor: Visitor, tmp_path: Path, address: str) -> None:
    page = visitor.open(address)
    file = download(page, "Save this picture as PNG", tmp_path)
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG")
    width = int.from_bytes(content[16:20], "big")
    assert width >= 2 * 380
    colours = page.evaluate(COUNT_COLOURS, list(content))
    assert colours > 50  # drawn, not blank


COUNT_COLOURS = """async (bytes) => {
  const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: "image/png" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
  return new Set(pixels).size;
}"""


@pytest.mark.parametrize("visitor", ["light", "dark"], indirect=True)
def test_cells_are_saved_where_they_stand_and_text_in_the_colours_of_the_page(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.open("/inside")
    canvas = page.locator(".equation canvas.key").first
    cells = pixels(canvas)[0, :, :3].tolist()
    places = canvas.evaluate(CELLS)
    word = page.locator(".equation .story .query")
    ink = word.evaluate("it => getComputedStyle(it).color.match(/\\d+/g).map(Number)")
    file = download(page, "Save this picture as PNG", tmp_path)
    found, colours = page.evaluate(PIXELS, [list(file.read_bytes()), places])
    assert found == cells
    assert ink in colours


CELLS = """canvas => {
  const [box, root] = [canvas, canvas.closest(".equation")].map((it) => it.getBoundingClientRect());
  return Array.from({ length: canvas.width }, (_, j) => [
    box.left - root.left + ((j + 0.5) * box.width) / canvas.width, box.top - root.top + box.height / 2]);
}"""
PIXELS = """async ([bytes, places]) => {
  const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: "image/png" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const at = ([x, y]) => Array.from(context.getImageData(2 * x, 2 * y, 1, 1).data.slice(0, 3));
  const all = new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
  const rgb = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  return [places.map(at), [...new Set(all)].map(rgb)];
}"""
"""What a picture of twice the size shows at these places, and all its colours."""


@pytest.mark.parametrize("address", ["", "&drawing=lines&together=1"])
def test_heads_are_saved_for_print(visitor: Visitor, tmp_path: Path, address: str) -> None:
    page = visitor.open(f"/heads?layer=2&head=3{address}")
    for name, file_name, labels in (
        ("All heads as SVG", "cross-heads.svg", ["Layer 4", "Head 8", "<s> → Die", "</s>"]),
        ("Head 3 as SVG", "cross-layer-2-head-3.svg", ["<s> → Die", "woman", "weight", "0.75"]),
    ):
        file = download(page, name, tmp_path)
        assert file.name == file_name
        alone = visitor.context.new_page()
        alone.goto(file.as_uri())
        said = alone.locator("text").all_text_contents()
        assert set(labels) <= set(said)
        assert any("Cross-attention" in word for word in said)
        assert alone.evaluate(OUTSIDE) == []
        for words, size, width in alone.evaluate(WIDTHS):
            assert width <= text_width(words, size), words


OUTSIDE = """() => {
  const box = document.documentElement.getBoundingClientRect();
  const isOutside = (r) => r.left < box.left || r.top < box.top || r.right > box.right || r.bottom > box.bottom;
  return [...document.querySelectorAll("text, path")]
    .filter((it) => isOutside(it.getBoundingClientRect())).map((it) => it.textContent);
}"""
"""What a vector graphic draws beyond its edges."""
WIDTHS = """() => [...document.querySelectorAll("text")].map(
  (it) => [it.textContent, Number(it.getAttribute("font-size")), it.getComputedTextLength()])"""
"""Every text of it, its size, and how wide it is in the font that is there."""


def test_the_data_and_the_link_are_of_the_sentence_on_show(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.open("/?layer=2&head=4")
    page.get_by_role("button", name="Save & share").click()
    trace = Trace.load(download(page, "Data as NPZ", tmp_path))
    assert trace.source.text == EXAMPLES[0]
    values = json.loads(download(page, "Data as JSON", tmp_path).read_text("utf-8"))
    assert values["target"]["text"] == trace.target.text
    shown = page.get_by_test_id("stCode")
    expect(shown).to_contain_text("layer=2&head=4")
    again = visitor.open(shown.inner_text().strip().removeprefix(visitor.server.url))
    idle(again)
    assert link(again) == link(page)


@pytest.mark.parametrize(
    ("address", "n_pictures", "drawn"),
    [("/", 2, ".stepper .ribbons path"), ("/heads", 2, ".js-plotly-plot .heatmaplayer image"),
     ("/heads?drawing=lines", 2, ".lines canvas"), ("/inside", 2, ".equation canvas.key"),
     ("/positions", 3, ".js-plotly-plot .heatmaplayer image"),
     ("/positions?picture=shift", 4, ".js-plotly-plot .heatmaplayer image"),
     ("/ablate?ablation=cross.L1H6%3D0", 7, ".toggles .cell")],
)  # fmt: skip
def test_the_view_is_one_file_that_needs_no_network(
    visitor: Visitor, browser: Browser, tmp_path: Path, address: str, n_pictures: int, drawn: str
) -> None:
    page = visitor.open(address)
    page.get_by_role("button", name="Save & share").click()
    file = download(page, "View as HTML", tmp_path)
    context = browser.new_context(offline=True)
    faults: list[str] = []
    alone = context.new_page()
    alone.on("pageerror", lambda error: faults.append(str(error)))
    alone.on("console", lambda message: faults.append(message.text))
    alone.goto(file.as_uri())
    expect(alone.locator("[data-drawn]")).to_have_count(n_pictures)
    expect(alone.locator(drawn).first).to_be_attached()
    expect(alone.get_by_role("heading", level=1)).to_contain_text(EXAMPLES[0])
    context.close()
    assert not faults
