"""Two processes of the app behind one address that keeps each browser with one of them."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from core.analysis.trace.trace import Trace
from tests.e2e.conftest import Server, Visitor, download, start_server
from tests.e2e.sticky import COOKIE, StickyProxy
from tests.e2e.test_translate import translate

pytestmark = pytest.mark.e2e


def test_each_reader_stays_with_one_and_gets_their_own(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    """Pages, words typed over the websocket, and files that the server keeps for one session."""
    process, other = start_server(tmp_path / "log")
    try:
        with StickyProxy([server.url, other.url]) as proxy:
            kept = {
                read(browser, Server(proxy.url, server.log), text, tmp_path)
                for text in ("A man rides a horse.", "Two dogs are sleeping.")
            }
            assert kept == {"0", "1"}
            assert all(proxy.served[number] > 5 for number in (0, 1))
    finally:
        process.terminate()
        process.wait(10)
    assert "Traceback" not in other.log.read_text()


def read(browser: Browser, proxy: Server, text: str, folder: Path) -> str:
    """Type a sentence and take its trace away; which server it was."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    visitor = Visitor(context, proxy)
    page = visitor.open()
    translate(page, text)
    page.get_by_role("button", name="Save & share").click()
    trace = Trace.load(download(page, "Data as NPZ", folder))
    assert trace.source.text == text
    assert not visitor.faults
    (cookie,) = (each for each in context.cookies() if each["name"] == COOKIE.decode())
    context.close()
    return cookie["value"]
