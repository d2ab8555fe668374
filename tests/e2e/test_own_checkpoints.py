"""The app on checkpoints of one's own: `streamlit run explorer/app.py -- --checkpoints DIR`."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.checkpoints import SENTENCE, write_checkpoint
from tests.e2e.conftest import idle, start_server

pytestmark = pytest.mark.e2e


def test_a_folder_named_on_the_command_line_is_shown(browser: Browser, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "mine" / "model")
    write_checkpoint(tmp_path / "mine" / "other", n_heads=2)
    process, server = start_server(
        tmp_path / "log", options=("--", "--checkpoints", str(tmp_path / "mine"))
    )
    page = browser.new_page()
    try:
        page.goto(f"{server.url}/heads?text={SENTENCE}")
        idle(page)
        expect(page.get_by_role("button", name="Layer 3, head 5", exact=True)).to_be_visible()
        page.get_by_role("button", name=re.compile("Source → Target")).click()
        page.get_by_role("combobox", name="Model").click()
        page.get_by_role("option", name="other").click()
        expect(page.get_by_role("button", name="Layer 3, head 2", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Layer 3, head 5", exact=True)).to_have_count(0)
    finally:
        page.close()
        process.terminate()
        process.wait(10)
    assert "Traceback" not in server.log.read_text()
