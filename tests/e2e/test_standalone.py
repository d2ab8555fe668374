"""The HTML file in a browser without a network: overview, one head, lines, tree and anatomy."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from core.analysis.head_place import HeadPlace
from core.config import ModelConfig
from explorer.components.anatomy import component as anatomy
from explorer.components.beam import component as beam
from explorer.components.lines import component as lines
from explorer.components.overview import component as overview
from explorer.figures.head import head_figure
from explorer.figures.standalone import Mounted, Picture, notebook_html, standalone_html
from tests.e2e.conftest import violations
from tests.explorer.figure_sentences import sentence_for, view_of
from tests.explorer.trees import beam_of

pytestmark = pytest.mark.e2e

ROWS, COLUMNS = ["<s> → Ein", "Ein → </s>"], ["A", "<b>", "שלום"]
WEIGHTS = np.random.default_rng(1).dirichlet(np.ones(3), size=(2, 4, 2))  # N H q k


@pytest.fixture
def pictures() -> list[Picture]:
    heads = overview.payload(WEIGHTS, HeadPlace("cross", 0, 1))
    found = beam_of(6, 3)
    payload = lines.lines_payload(
        WEIGHTS[0], rows=ROWS, columns=COLUMNS, row_title="step", column_title="source",
        heads=["L1H1", "L1H2", "L1H3", "L1H4"],
    )  # fmt: skip
    head = head_figure(
        WEIGHTS[0, 1], rows=["a", "b"], columns=["x", "y", "z"], row_title="r", column_title="c"
    )
    tree = beam.beam_payload(found, {node.token: "<i>" for node in found.tree})
    shape = ModelConfig(vocabulary_size=100, n_encoder_layers=2)
    model = anatomy.anatomy_payload(shape, sentence_for(shape), view_of(), run="r")
    return [
        Picture("All heads", Mounted(overview.SCRIPT, overview.STYLE, heads)),
        Picture("One head", head, note="Rows sum to 1 & more."),
        Picture("Lines", Mounted(lines.SCRIPT, lines.STYLE, payload)),
        Picture("Tree", Mounted(beam.SCRIPT, beam.STYLE, tree)),
        Picture("Model", Mounted(anatomy.SCRIPT, anatomy.STYLE, model)),
    ]


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page that may ask nobody for anything."""
    context = browser.new_context(color_scheme=request.param, offline=True)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("file:", "blob:", "data:"))
            else faults.append(request.url)
        ),
    )
    yield page
    context.close()
    assert not faults


def test_the_file_draws_everything_without_a_network(
    page: Page, pictures: list[Picture], tmp_path: Path
) -> None:
    file = tmp_path / "view.html"
    file.write_text(standalone_html("A view <1>", pictures), "utf-8")
    page.goto(file.as_uri())
    expect(page.locator("[data-drawn]")).to_have_count(len(pictures))
    expect(page.get_by_role("heading", name="A view <1>")).to_be_visible()
    expect(page.get_by_role("button", name="Layer 2, head 4")).to_be_visible()
    expect(page.locator(".js-plotly-plot .heatmaplayer image")).to_have_count(1)
    of_lines = page.locator(".lines").get_by_role("group", name="source")
    expect(of_lines.get_by_role("button")).to_have_text(COLUMNS)
    ink = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
        .data.some(byte => byte > 0)"""
    assert page.locator(".lines canvas").evaluate(ink)
    assert page.locator(".overview canvas").first.evaluate(ink)
    expect(page.get_by_role("button", name="Masked Multi-Head Attention")).to_be_visible()
    expect(page.locator(".beam .node")).to_have_count(19)
    assert not violations(page)


def test_pictures_are_saved_from_the_file_too(
    page: Page, pictures: list[Picture], tmp_path: Path
) -> None:
    file = tmp_path / "view.html"
    link = "http://127.0.0.1:8501/?text=A&layer=1"
    file.write_text(standalone_html("t", pictures, caption=["“A” → “Ein”", link]), "utf-8")
    page.goto(file.as_uri())
    expect(page.locator("[data-drawn]")).to_have_count(len(pictures))
    for kind in ("SVG", "PNG"):
        buttons = page.get_by_role(
            "button", name=re.compile(f"^Save this (picture|chart) as {kind}$")
        )
        expect(buttons).to_have_count(len(pictures))
        for index in range(len(pictures)):
            with page.expect_download() as waiting:
                buttons.nth(index).click()
            saved = tmp_path / waiting.value.suggested_filename
            waiting.value.save_as(saved)
            if kind == "PNG":
                assert saved.read_bytes().startswith(b"\x89PNG")
            else:
                written = " ".join(ElementTree.parse(saved).getroot().itertext())
                assert "“A” → “Ein”" in written
                assert link in written


def test_a_notebook_shows_the_same_in_its_frame(page: Page, pictures: list[Picture]) -> None:
    page.set_content(notebook_html("A view", pictures))
    frame = page.frame_locator("iframe")
    expect(frame.locator("[data-drawn]")).to_have_count(len(pictures))
    expect(frame.get_by_role("button", name="Layer 2, head 4")).to_be_visible()


def tree_page(page: Page, tmp_path: Path, n_steps: int) -> float:
    """Open the tree of a beam of 8; how long it takes to draw it again, at best, in milliseconds."""
    found = beam_of(n_steps, 8)
    tree = beam.beam_payload(found, {node.token: f"t{node.token}" for node in found.tree})
    file = tmp_path / f"tree{n_steps}.html"
    file.write_text(standalone_html("t", [Picture("Tree", Mounted(beam.SCRIPT, beam.STYLE, tree))]))
    page.goto(file.as_uri())
    expect(page.locator(".beam .node")).to_have_count(8 * n_steps + 1)
    return page.locator(".beam").evaluate(
        """root => Math.min(...Array.from({ length: 20 }, () => {
            const start = performance.now();
            root.tree.show(root.tree.data);
            root.getBoundingClientRect();
            return performance.now() - start;
        }))"""
    )


def test_the_work_for_a_tree_grows_as_its_nodes_do(page: Page, tmp_path: Path) -> None:
    short_ms, long_ms = (tree_page(page, tmp_path, n_steps) for n_steps in (15, 60))
    assert long_ms < 10 * short_ms  # 4 times the nodes; 16 if each were compared with each
    overflow = page.locator(".beam .scroll").evaluate("it => it.scrollWidth - it.clientWidth")
    assert overflow > 0


def test_many_tokens_stay_usable(page: Page, tmp_path: Path) -> None:
    """A token far down is reached by keyboard, and its line is drawn where it is."""
    n = 300
    names = [str(number) for number in range(n)]
    payload = lines.lines_payload(
        np.eye(n)[None], rows=names, columns=names, row_title="asks", column_title="keys",
        heads=["L1H1"],
    )  # fmt: skip
    file = tmp_path / "lines.html"
    view = Mounted(lines.SCRIPT, lines.STYLE, payload)
    file.write_text(standalone_html("t", [Picture("Lines", view)]))
    page.goto(file.as_uri())
    tokens = page.get_by_role("group", name="asks").get_by_role("button")
    tokens.nth(280).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".status")).to_have_text("“281” looks at 281 100 %")
    assert page.locator(".lines .scroll").evaluate("it => it.scrollTop") > 0
    assert page.locator(".lines canvas").evaluate("it => it.clientHeight") <= 560
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save this picture as SVG").click()
    svg = ElementTree.parse(waiting.value.path()).getroot()
    ends = [
        path.get("d", "").partition("C")[0] for path in svg.iter("{http://www.w3.org/2000/svg}path")
    ]
    assert "M0 6756" in ends, "the line of 281, at 24 pixels a row"
    heights = {
        "".join(text.itertext()): float(text.get("y", 0))
        for text in svg.iter("{http://www.w3.org/2000/svg}text")
    }
    assert heights["“281” looks at 281 100 %"] > heights["299"], "nothing stands over the lines"
