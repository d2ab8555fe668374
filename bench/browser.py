"""What measurements in a browser share: their options, their browser, and how a sentence is asked for."""

import argparse
import importlib.metadata
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from core.system.device import cpu_name
from tests.e2e.conftest import CHROMIUM_FLAGS, chromium

PICTURE = ".stepper .ribbons path"


def options(description: str | None, repeats: int) -> argparse.Namespace:
    """`--repeats` and `--json` from the command line."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


@contextmanager
def measuring() -> Iterator[tuple[Browser, str]]:
    """A browser, and what the figures are measured on, which is printed."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        described = machine(browser)
        print(described, flush=True)
        yield browser, described
        browser.close()


def machine(browser: Browser) -> str:
    """What the figures were measured on, and how busy it was."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    packages = (f"{name} {importlib.metadata.version(name)}" for name in ("torch", "streamlit"))
    versions = (f"Python {platform.python_version()}", *packages, f"Chromium {browser.version}")
    return f"{cpu_name()}, {os.cpu_count()} cores, load average {load}; {', '.join(versions)}"


def translate(page: Page, text: str) -> None:
    """Ask for a translation and wait until it is drawn."""
    page.get_by_label("English sentence").fill(text)
    page.get_by_role("button", name="Translate", exact=True).click()
    last = text.rsplit(maxsplit=1)[-1]
    await_drawn(page.get_by_role("group", name="Source words").first.filter(has_text=last))
    await_drawn(page.locator(PICTURE))


def await_drawn(wanted: Locator) -> None:
    """Asks every 20 ms: Playwright's own waiting slows down to half a second between looks."""
    deadline_s = time.perf_counter() + 300
    while not wanted.count():
        if time.perf_counter() > deadline_s:
            raise RuntimeError(f"nothing was drawn in 300 s: {wanted}")
        time.sleep(0.02)
