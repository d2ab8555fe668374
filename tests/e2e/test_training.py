"""The Training page in a real browser: curves that draw on, a film under the arrow keys."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from core.analysis.heads.best import covering_head
from core.checkpoint.listing import timeline_steps
from explorer.choice.examples import CAPTION
from tests.checkpoints import SENTENCE, reports, write_checkpoint, write_history, write_timeline
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
from tests.explorer.apart import traced
from tests.test_table3 import FOLDER

pytestmark = pytest.mark.e2e


N_POINTS = "document.querySelector('.js-plotly-plot').data[0].x.length"


@pytest.fixture
def own(browser: Browser, tmp_path: Path) -> Iterator[tuple[Visitor, Path]]:
    """A reader of a model with a timeline, while a training writes; and where it writes."""
    write_timeline(write_checkpoint(tmp_path / "checkpoints" / "tiny"), 9, 90)
    file = write_history(tmp_path / "runs" / "mine", reports(2))
    folders = {"--checkpoints": tmp_path / "checkpoints", "--runs": tmp_path / "runs"}
    options = [str(word) for pair in folders.items() for word in pair]
    process, server = start_server(tmp_path / "log", options=("--", *options))
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    visitor = Visitor(context, server)
    yield visitor, file
    context.close()
    process.terminate()
    process.wait(10)
    assert not visitor.faults
    assert "Traceback" not in server.log.read_text()


def test_a_running_training_draws_on_by_itself(own: tuple[Visitor, Path]) -> None:
    visitor, file = own
    page = visitor.open(f"/training?text={SENTENCE}")
    page.wait_for_function(f"{N_POINTS} === 2", timeout=30_000)
    with file.open("a") as opened:
        opened.write(json.dumps(reports(3)[-2]) + "\n" + '{"kind": "trai')
    page.wait_for_function(f"{N_POINTS} === 3", timeout=30_000)


def shown(page: Page) -> str:
    """The name of the moment on show."""
    return page.locator(".training .moment.current .name").inner_text()


def test_arrow_keys_go_through_the_moments(own: tuple[Visitor, Path]) -> None:
    page = own[0].open(f"/training?text={SENTENCE}")
    assert shown(page) == "step 9"
    slider = page.get_by_role("slider", name="Moment of the training")
    expect(slider).to_have_attribute("aria-valuetext", "step 9")
    page.locator(".training").focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == "step 90"
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == "finished"
    expect(slider).to_have_attribute("aria-valuetext", "finished")
    page.wait_for_timeout(500)
    idle(page)
    assert link(page)["snapshot"] == "0"
    page.reload()
    idle(page)
    assert shown(page) == "finished"


def test_play_goes_from_moment_to_moment_up_to_the_end(own: tuple[Visitor, Path]) -> None:
    page = own[0].open(f"/training?text={SENTENCE}")
    page.get_by_label("Speed").select_option("2 ×")
    page.get_by_role("button", name="Play", exact=True).click()
    later = page.locator(".training .later .text").first
    expect(later).to_be_hidden()
    for name in ("step 90", "finished"):
        expect(page.locator(".training .moment.current .name")).to_have_text(name)
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.wait_for_timeout(500)
    idle(page)
    assert link(page)["snapshot"] == "0"


def words(page: Page, at: int) -> str:
    """The translation of a moment as it is read; a word that is repeated is written out."""
    said = page.locator(".training .moment").nth(at).locator(".said").all_inner_texts()
    written = []
    for text in said:
        times = re.search(r"… \((\d+) times\)$", text)
        written += [text.split()[0]] * int(times[1]) if times else text.split()
    return " ".join(written)


def test_each_moment_shows_what_the_model_of_its_step_writes(visitor: Visitor) -> None:
    page = visitor.open("/training")
    expect(
        page.get_by_text(
            "The chosen model, en-de, was saved only at the end. Shown: Table 3's base"
        )
    ).to_be_visible()
    expect(page.locator(".training .moment")).to_have_count(6)
    for at, step in enumerate((*timeline_steps(FOLDER / "base"), 0)):
        trace = traced(FOLDER / "base", text=CAPTION, step=step)
        assert words(page, at) == " ".join(trace.target.text.split())
    page.get_by_role("button", name=re.compile("^step 1,000")).click()
    assert shown(page) == "step 1,000"
    expect(page.get_by_role("img", name=re.compile("step 1,000: Ein Mann"))).to_be_visible()


def test_pointing_at_a_cell_tells_its_weight_and_lights_its_words(visitor: Visitor) -> None:
    page = visitor.open("/training?snapshot=0")
    trace = traced(FOLDER / "base", text=CAPTION)
    best = covering_head(trace).place.of(trace.weights)
    canvas = page.locator(".training canvas")
    box = box_of(canvas)
    row, column = 1, 1
    canvas.hover(position={
        "x": (column + 0.5) * box["width"] / best.shape[1],
        "y": (row + 0.5) * box["height"] / best.shape[0],
    })  # fmt: skip
    expect(page.locator(".training .told")).to_have_text(
        f"Ein → Mann looks at man: {100 * best[row, column]:.0f} %"
    )
    expect(page.locator(".words .lit")).to_have_text([re.compile("^man"), re.compile("^Mann")])


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/training?runs=en-de&log_x=1")
    expect(page.locator(".js-plotly-plot")).to_have_count(7)
    expect(page.locator(".training .moment")).to_have_count(6)
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
