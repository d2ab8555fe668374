"""A real server, started by the README's literal command, and a real browser."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FloatRect,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from explorer.app_pages.registry import MENU
from tests.e2e.legible import hard_to_read

expect.set_options(timeout=30_000)  # a slow machine is not a fault

ROOT = Path(__file__).parents[2]
WATCHED = Path(__file__).with_name("watched")
"""On the path of every server, so that it is seen whom it talks to; nothing else is there."""
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOKS = ["light", "dark narrow"]
"""Both colours and both widths of a reader's window: what `visitor` is parametrized with, indirectly.

What depends on the width, such as what is cut off, does not depend on the colours."""
IDLE = (
    "[data-testid='stApp'][data-test-connection-state='CONNECTED']"
    "[data-test-script-state='notRunning']"
)


@dataclass(frozen=True)
class Server:
    url: str
    log: Path

    @property
    def outside(self) -> str:
        """Whom else than this machine it talked to, or listened to."""
        noted = _outside(self.log)
        return noted.read_text() if noted.exists() else ""


def _outside(log: Path) -> Path:
    return log.with_name(f"{log.name}.outside")


def chromium() -> str:
    """Raises an error with the install command where there is no Chromium; never skips."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    raise RuntimeError(
        "browser tests need Chromium: apt-get install -y chromium (Debian, Ubuntu), "
        "or leave them out with  pytest -m 'not e2e'"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(
    log: Path, app: str = "explorer/app.py", options: tuple[str, ...] = ()
) -> tuple[subprocess.Popen[bytes], Server]:
    """`streamlit run explorer/app.py` from the root, as a reader would type it."""
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("streamlit")), "run", app,
        "--server.port", str(port), "--server.headless", "true",
        *options,
    ]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(WATCHED), "WATCHED_LOG": str(_outside(log))},
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return process, Server(url, log)
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"the server did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    process, server = start_server(tmp_path_factory.mktemp("server") / "log")
    yield server
    process.terminate()
    process.wait(10)
    assert "Traceback" not in server.log.read_text()
    assert not server.outside


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


def is_streamlits_own(message: ConsoleMessage) -> bool:
    """Opened below the root, Streamlit asks for its endpoints there first, then at the root."""
    return re.search(r"/\w+/_stcore/(health|host-config)$", message.location["url"]) is not None


@dataclass
class Visitor:
    """One reader's browser window; remembers whatever went wrong in it."""

    context: BrowserContext
    server: Server
    faults: list[str] = field(default_factory=list)

    def open(self, link: str = "") -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on(
            "console",
            lambda message: (
                self.faults.append(f"console: {message.text}")
                if message.type == "error" and not is_streamlits_own(message)
                else None
            ),
        )
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((self.server.url, "data:", "blob:"))
                else self.faults.append(f"request to {request.url}")
            ),
        )
        page.goto(self.server.url + link)
        idle(page)
        return page


def open_from_menu(page: Page, title: str) -> None:
    """Open a page of the app by the menu, which groups pages by their question."""
    group = next(group for group, pages in MENU.items() if title in pages)
    page.get_by_test_id("stTopNavSection").filter(has_text=group).click()
    page.get_by_role("menuitem", name=title, exact=True).click()


def idle(page: Page) -> None:
    """Wait until the app has drawn everything it has to draw."""
    page.wait_for_selector(IDLE, timeout=90_000)
    page.wait_for_timeout(250)
    page.wait_for_selector(IDLE, timeout=90_000)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)  # a component's code still loads


def box_of(locator: Locator) -> FloatRect:
    """Where an element is, once it is drawn."""
    expect(locator).to_be_visible()
    box = locator.bounding_box()
    assert box
    return box


def download(page: Page, name: str, folder: Path) -> Path:
    """Click a button that saves, and the file that it saves."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).first.click()
    file = folder / waiting.value.suggested_filename
    waiting.value.save_as(file)
    return file


def select(page: Page, label: str, option: str) -> None:
    """Choose an option of a list."""
    box = page.get_by_role("combobox", name=label, exact=True)
    box.scroll_into_view_if_needed()
    page.wait_for_timeout(300)  # a list that opens while the page scrolls is closed again
    box.click()
    page.get_by_role("option", name=option, exact=True).click()
    idle(page)


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Iterator[dict[str, BrowserContext]]:
    """One for each kind of window: what was loaded once, scripts above all, is loaded."""
    made: dict[str, BrowserContext] = {}
    yield made
    for context in made.values():
        context.close()


@pytest.fixture(params=["light"])
def visitor(
    request: pytest.FixtureRequest,
    browser: Browser,
    contexts: dict[str, BrowserContext],
    server: Server,
) -> Iterator[Visitor]:
    """A laptop-sized window; parametrize indirectly for dark, or a narrow one."""
    scheme, _, size = request.param.partition(" ")
    width, height = (400, 800) if size == "narrow" else (1280, 800)
    if request.param not in contexts:
        contexts[request.param] = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
    visitor = Visitor(contexts[request.param], server)
    yield visitor
    for page in visitor.context.pages:
        page.close()
    assert not visitor.faults


def link(page: Page) -> dict[str, str]:
    """What the page's address says."""
    return {name: values[0] for name, values in parse_qs(urlparse(page.url).query).items()}


def violations(page: Page) -> set[str]:
    """What axe finds wrong with a page's accessibility, and what of it is hard to read."""
    return hard_to_read(page) | {
        f"{violation['id']}: {node['html'][:300]}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
    }


def overflow_px(page: Page) -> int:
    """By how much the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.fixture(scope="session")
def streamlits_own(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The violations, wide and narrow, of a Streamlit page that has only our menu in it."""
    log = tmp_path_factory.mktemp("empty") / "log"
    process, server = start_server(log, "tests/e2e/empty_app.py")
    found = set[str]()
    for width in (1280, 400):
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.goto(server.url)
        idle(page)
        found |= violations(page)
        page.close()
    process.terminate()
    process.wait(10)
    return found
