"""The Training page in a real browser: curves that draw on, a timeline under the arrow keys."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.checkpoints import SENTENCE, reports, write_checkpoint, write_history, write_timeline
from tests.e2e.conftest import LOOKS, Visitor, idle, link, overflow_px, start_server, violations

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


def test_arrow_keys_go_through_the_timeline(own: tuple[Visitor, Path]) -> None:
    page = own[0].open(f"/training?text={SENTENCE}")
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("(covers most), step 90")).to_be_visible()
    idle(page)
    assert link(page)["snapshot"] == "90"


@pytest.mark.parametrize("visitor", LOOKS, indirect=True)
def test_every_look_is_whole_and_accessible(visitor: Visitor, streamlits_own: set[str]) -> None:
    page = visitor.open("/training?runs=en-de&log_x=1")
    expect(page.locator(".js-plotly-plot")).to_have_count(5)
    expect(page.get_by_text("keeps its finished weights alone")).to_be_visible()
    assert overflow_px(page) <= 0
    assert violations(page) <= streamlits_own
