"""The app on checkpoints of one's own: `streamlit run explorer/app.py -- --checkpoints DIR`."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.checkpoint.test_marian import settings, write_marian
from tests.core.text.test_marian import learnt, pieces_of
from tests.e2e.conftest import idle, link, start_server

pytestmark = pytest.mark.e2e


ARABIC = "يلعب طفلان كرة القدم في الحديقة"


def write_arabic(folder: Path) -> None:
    """A Marian folder that reads Arabic and is told its target language."""
    spm = learnt([f"{ARABIC} {word}" for word in ARABIC.split()] * 20)
    names = ["</s>", "<unk>", *pieces_of(spm), ">>de<<", ">>fr<<", "<pad>"]
    table = json.dumps({name: number for number, name in enumerate(names)}).encode()
    said = json.dumps({"source_lang": "ar", "target_lang": "mul"}).encode()
    files = {"source.spm": spm, "target.spm": spm, "vocab.json": table}
    write_marian(folder, {**files, "tokenizer_config.json": said}, settings(len(names)))


def check_arabic(page: Page, url: str) -> None:
    """The target language is chosen beside the sentence, whose words run from the right."""
    page.goto(f"{url}/heads?model=opus-mt-ar-mul&text=>>de<< {ARABIC}")
    idle(page)
    expect(page.get_by_label("Arabic sentence")).to_have_value(ARABIC)
    words = page.locator(".words .source .said")
    expect(words).to_have_text(ARABIC.split())
    places = [box["x"] for word in words.all() if (box := word.bounding_box())]
    assert places == sorted(places, reverse=True)
    page.get_by_role("combobox", name="Translate into").click()
    page.get_by_role("option", name="French (fr)").click()
    idle(page)
    assert link(page)["text"] == f">>fr<< {ARABIC}"


def test_a_folder_named_on_the_command_line_is_shown(browser: Browser, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "mine" / "model")
    write_checkpoint(tmp_path / "mine" / "other", n_heads=2)
    write_arabic(tmp_path / "mine" / "opus-mt-ar-mul")
    process, server = start_server(
        tmp_path / "log", options=("--", "--checkpoints", str(tmp_path / "mine"))
    )
    page = browser.new_page()
    try:
        page.goto(f"{server.url}/heads?model=model&text={SENTENCE}")
        idle(page)
        expect(page.get_by_role("button", name="Layer 3, head 5", exact=True)).to_be_visible()
        page.get_by_role("button", name=re.compile("^model · ")).click()
        page.get_by_role("combobox", name="Model").click()
        page.get_by_role("option", name="other").click()
        expect(page.get_by_role("button", name="Layer 3, head 2", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Layer 3, head 5", exact=True)).to_have_count(0)
        check_arabic(page, server.url)
    finally:
        page.close()
        process.terminate()
        process.wait(10)
    assert "Traceback" not in server.log.read_text()
