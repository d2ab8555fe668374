"""What a reader takes away of a whole view: its data, its link, and one file that needs no network."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from core.analysis.trace.trace import Trace
from explorer.choice.examples import EXAMPLES
from tests.bundled import OFF
from tests.e2e.conftest import Visitor, download, idle, link

pytestmark = pytest.mark.e2e


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
     ("/heads?drawing=lines", 2, ".lines canvas"), ("/inside", 3, ".equation canvas.key"),
     ("/positions", 3, ".js-plotly-plot .heatmaplayer image"),
     ("/positions?picture=shift", 4, ".js-plotly-plot .heatmaplayer image"),
     (f"/ablate?ablation={quote(OFF)}", 8, ".toggles .cell")],
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
