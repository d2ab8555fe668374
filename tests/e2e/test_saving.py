"""What a reader takes away: pictures, data, and the link."""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from explorer.choice.examples import EXAMPLES
from explorer.engine.checkpoints import best_head
from explorer.figures.drawing import text_width
from tests.bundled import EN_DE, OFF, traced
from tests.e2e.conftest import Visitor, download, link

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Kind:
    """A kind of picture: where it is, and what of it must be in the file."""

    address: str
    root: str
    words: str
    """The elements whose text a reader sees."""
    patches: str
    """The elements that must look the same in the file."""
    drawn: str = ""
    """The lines and cells of a drawing."""
    tag: str = "path"
    """What they are in the file."""


KINDS = {
    "stepper": Kind(
        "/?step=3", ".stepper", ".token .text, .candidate span, .gloss, .cell span, h3, .status",
        ".token.source, .column", ".ribbons path",
    ),
    "beam": Kind("/", ".beam", ".node text", ".node .box", ".edge"),
    "overview": Kind("/heads", ".overview", ".head, .layer", ".tile", ".tile canvas", "image"),
    "lines": Kind("/heads?drawing=lines&together=1", ".lines", ".token .text, .head, .title", ".left .token, .gap canvas", ".heads .head"),
    "toggles": Kind(f"/ablate?swept=1&ablation={quote(OFF)}", ".toggles",
                    ".title, .column, .label, .cell, .legend span", ".cell"),
    "equation": Kind("/inside", ".equation", ".rows .label, .story, .formula mi, .title", "canvas", "canvas", "image"),
    "model": Kind("/anatomy?step=7", ".anatomy", "svg .title, .panel p, .now", "svg .shape", "svg .shape", "rect"),
    "training": Kind("/training?model=table3/base", ".training", ".go .name, .moments .said, .columns .label, .rows .label",
                     ".moments > li, canvas.head", "canvas", "image"),
    "heat map": Kind("/heads", ".js-plotly-plot", ".main-svg text", ".heatmaplayer image", ".heatmaplayer image", "image"),
    "bars": Kind(f"/ablate?ablation={quote(OFF)}", ".js-plotly-plot", ".main-svg text", ".bars .point path", ".bars .point path"),
}  # fmt: skip
SVG = "{http://www.w3.org/2000/svg}"
DRAWS = {
    "svg", "g", "defs", "rect", "path", "circle", "line", "polygon", "text", "tspan", "image", "a",
    "title", "desc", "linearGradient", "stop", "clipPath",
}  # fmt: skip


def save(page: Page, kind: Kind, ending: str, folder: Path) -> Path:
    """The picture from its own button, the one in it."""
    root = page.locator(kind.root).first
    if "plotly" in kind.root:
        root.hover()
    with page.expect_download() as waiting:
        root.get_by_role("button", name=re.compile(f"as {ending}$")).click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    assert file.suffix == f".{ending.lower()}"
    return file


def texts_of(svg: Element) -> list[str]:
    return [" ".join("".join(text.itertext()).split()) for text in svg.iter(f"{SVG}text")]


def shot(page: Page) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB"))


@pytest.mark.parametrize(
    ("name", "visitor"),
    [(name, "dark" if number % 2 else "light") for number, name in enumerate(KINDS)],
    indirect=["visitor"],
)
def test_a_picture_is_saved_as_it_looks_with_its_caption(
    visitor: Visitor, tmp_path: Path, name: str
) -> None:
    """As SVG and as PNG, and nothing on the page moves."""
    kind = KINDS[name]
    page = visitor.open(kind.address)
    root = page.locator(kind.root).first
    expect(root.locator(kind.words).first).to_be_attached()
    expect(root.locator(kind.patches).first).to_be_attached()
    page.wait_for_timeout(500)  # the server's answer to what opening reported
    before = root.evaluate(STATE)
    file = save(page, kind, "SVG", tmp_path)
    page.mouse.move(0, 0)
    assert root.evaluate(STATE) == before, "saving disturbs the page"
    svg = ElementTree.parse(file).getroot()
    assert_standalone(svg)
    assert_says_what_the_page_says(svg, page, kind)
    if name == "lines":
        assert not list(svg.iter(f"{SVG}image")), "its canvas is drawn as paths"
    png = Image.open(save(page, kind, "PNG", tmp_path)).convert("RGB")
    assert_twice_as_large(png, svg)
    page.mouse.move(0, 0)
    assert_looks_the_same(visitor, page, kind, file, svg)


def assert_standalone(svg: Element) -> None:
    """It draws, and does nothing else."""
    assert {part.tag.removeprefix(SVG) for part in svg.iter()} <= DRAWS
    assert not [
        part for part in svg.iter() for key in part.attrib if key.startswith(("on", "data-"))
    ]


def assert_says_what_the_page_says(svg: Element, page: Page, kind: Kind) -> None:
    """All words and lines of the picture, none of its controls, and a caption."""
    root = page.locator(kind.root).first
    said = texts_of(svg)
    words = {word for text in root.locator(kind.words).evaluate_all(SHOWN) for word in text.split()}
    together, squeezed = " ".join(said), "".join("".join(said).split())
    assert words
    assert [word for word in words if word not in squeezed] == []
    for control in ("Play", "Hide lines below", "Another word", "PNG", "Click to switch"):
        assert control not in together
    caption = " ".join(text for text in said[-8:])
    assert f"“{link(page)['text']}” →" in caption
    assert f"model {link(page).get('model', 'en-de')} (" in caption
    address = page.evaluate("location.href")
    assert address in {link.get("href") for link in svg.iter(f"{SVG}a")}
    assert address in "".join(said)
    if kind.drawn:
        n = root.locator(kind.drawn).count()
        assert n
        assert len(list(svg.iter(f"{SVG}{kind.tag}"))) >= n


def assert_looks_the_same(
    visitor: Visitor, page: Page, kind: Kind, file: Path, svg: Element
) -> None:
    """Pixels of each part on the page without its controls, beside those of the file."""
    root = page.locator(kind.root).first
    page.set_viewport_size({"width": 1280, "height": 3000})
    page.wait_for_timeout(500)
    root.evaluate(WITHOUT_CONTROLS)
    left, top = root.evaluate(
        "it => [it.getBoundingClientRect().left, it.getBoundingClientRect().top]"
    )
    places = [
        place for place in root.locator(kind.patches).evaluate_all(PLACES) if min(place[2:]) > 3
    ]
    seen = shot(page)
    page.set_viewport_size({"width": 1280, "height": 800})
    width, height = (int(svg.get(side)) for side in ("width", "height"))
    moved = svg.find(f"{SVG}g[@transform]").get("transform")
    x, y = (float(number) for number in re.findall(r"-?[\d.]+", moved))
    alone = visitor.context.new_page()
    alone.set_viewport_size({"width": width, "height": height})
    data = base64.b64encode(file.read_bytes()).decode()
    alone.set_content(
        f'<body style="margin:0"><img style="display:block" src="data:image/svg+xml;base64,{data}">'
    )
    drawn = shot(alone)
    assert drawn.shape == (height, width, 3)
    differing = [
        place for place in places
        if not is_alike(patch(seen, place), patch(drawn, [place[0] - left + x, place[1] - top + y, *place[2:]]))
    ]  # fmt: skip
    assert places
    assert len(differing) <= 0.02 * len(places), differing


STATE = """root => [root.outerHTML.replace(/ class="[^"]*"/g, ""),
  [...root.querySelectorAll("*")].map((it) => [it.scrollLeft, it.scrollTop]).flat().join()]"""
"""All that saving could leave behind, but for what the pointer lights."""
SHOWN = """texts => texts
  .filter((it) => it.checkVisibility({ opacityProperty: true }) && !it.closest("[data-control]"))
  .map((it) => it.innerText ?? it.textContent)"""
WITHOUT_CONTROLS = """root => {
  for (const it of root.querySelectorAll("[data-control]")) it.style.display = "none";
}"""
PLACES = """all => all.map((it) => it.getBoundingClientRect())
  .filter((box) => box.left >= 0 && box.right <= innerWidth)
  .map((box) => [box.left, box.top, box.width, box.height])"""


def patch(image: NDArray[np.uint8], place: list[float]) -> NDArray[np.int64]:
    left, top, width, height = (round(value) for value in place)
    return image[max(top, 0) : top + height, max(left, 0) : left + width].astype(int)


def is_alike(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Nearly all pixels have the same colour; the letters of another font differ."""
    if one.shape != other.shape:
        return False
    return bool((np.abs(one - other).max(-1) < 50).mean() > 0.8)


def assert_twice_as_large(image: Image.Image, svg: Element) -> None:
    """Two pixels for one of the drawing; drawn, not blank, and nothing touches the edge."""
    assert image.size == tuple(2 * int(svg.get(side) or 0) for side in ("width", "height"))
    pixels = np.asarray(image)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    sides = (pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:])
    edge = np.concatenate([side.reshape(-1, 3) for side in sides])
    assert (edge == pixels[0, 0]).all()


@pytest.mark.parametrize("visitor", ["light narrow"], indirect=True)
def test_what_scrolls_is_saved_whole(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open("/?step=12")
    kind = KINDS["stepper"]
    stage = page.locator(".stepper .stage")
    expect(stage).to_have_js_property("scrollTop", 0)
    page.wait_for_timeout(1000)
    scrolled = stage.evaluate("it => it.scrollLeft")
    assert scrolled > 300
    svg = ElementTree.parse(save(page, kind, "SVG", tmp_path)).getroot()
    assert stage.evaluate("it => it.scrollLeft") == scrolled
    assert int(svg.get("width")) > stage.evaluate("it => it.scrollWidth")
    said = texts_of(svg)
    for word in page.locator(".stepper .token .text").all_inner_texts():
        assert word in said


def test_the_buttons_of_a_chart_are_reached_by_keyboard(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open("/heads")
    buttons = page.locator(".js-plotly-plot .chart-buttons")
    expect(buttons).to_have_css("opacity", "0")
    chart = page.get_by_role("button", name="Save this chart as SVG")
    chart.focus()
    expect(buttons).to_have_css("opacity", "1")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    best = best_head(EN_DE, traced())
    place = best.same_step or best.place
    of_head = f"layer-{place.layer_number}-head-{place.head_number}"
    assert waiting.value.suggested_filename == f"cross-attention-{of_head}.svg"
    page.locator(".js-plotly-plot").hover()
    expect(page.locator(".modebar-btn").first).to_be_visible()
    expect(page.get_by_role("button", name="Download plot as a PNG")).to_have_count(0)


@pytest.mark.parametrize("address", ["", "&drawing=lines&together=1"])
def test_heads_are_saved_for_print(visitor: Visitor, tmp_path: Path, address: str) -> None:
    page = visitor.open(f"/heads?layer=2&head=3{address}")
    step = f"<s> → {traced().target.pieces[0].name.removeprefix('▁')}"
    for name, file_name, labels in (
        ("All heads as SVG", "cross-heads.svg", ["Layer 4", "Head 8", step, "</s>"]),
        ("Head 3 as SVG", "cross-layer-2-head-3.svg", [step, "woman", "weight"]),
    ):
        file = download(page, name, tmp_path)
        assert file.name == file_name
        alone = visitor.context.new_page()
        alone.goto(file.as_uri())
        said = alone.locator("text").all_text_contents()
        assert set(labels) <= set(said)
        assert any("Cross-attention" in word for word in said)
        together = " ".join(said)
        assert f"“{EXAMPLES[0]}” →" in together
        assert "model en-de" in together
        assert "layer=2&head=3" in "".join(together.split())
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
