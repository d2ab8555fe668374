"""From `streamlit run explorer/app.py` to a picture, and to a sentence of one's own.

    python -m bench.startup [--repeats 5] [--json FILE]

Every repeat is a server process of its own and a browser window without a cache; Chromium itself
runs before the clock starts. The disk cache holds the files, but for the first repeat after a boot.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from core.device import cpu_name
from tests.e2e.conftest import CHROMIUM_FLAGS, chromium, idle, start_server

FIGURES = {
    "first picture": "from the command to the example's translation, drawn",
    "first sentence": "from the command to the translation of a new sentence, asked for at once",
    "next sentence": "from the click on Translate to the next new sentence, model loaded, page idle",
}
PICTURE = ".stepper .ribbons path"
FIRST, NEXT = (
    f"A young man in a blue shirt is riding his old bicycle along a busy street near the {place}"
    for place in ("harbour", "library")
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        described = machine(browser)
        print(described, flush=True)
        runs = [_start(browser) for _ in range(options.repeats)]
        browser.close()
    for name, meaning in FIGURES.items():
        times = [run[name] for run in runs]
        print(
            f"{name:14} {statistics.median(times):6.2f} s  "
            f"[{min(times):.2f}, {max(times):.2f}]  ({meaning})"
        )
    if options.json:
        options.json.write_text(
            json.dumps({"machine": described, "seconds": runs}, indent=2) + "\n"
        )


def machine(browser: Browser) -> str:
    """What the figures were measured on, and how busy it was."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    packages = (f"{name} {importlib.metadata.version(name)}" for name in ("torch", "streamlit"))
    versions = (f"Python {platform.python_version()}", *packages, f"Chromium {browser.version}")
    return f"{cpu_name()}, {os.cpu_count()} cores, load average {load}; {', '.join(versions)}"


def _start(browser: Browser) -> dict[str, float]:
    """One cold start: seconds for each of `FIGURES`."""
    with tempfile.TemporaryDirectory() as folder:
        started_s = time.perf_counter()
        process, server = start_server(Path(folder) / "log")
        page = browser.new_page()
        try:
            page.goto(server.url)
            await_drawn(page.locator(PICTURE))
            picture_s = time.perf_counter()
            translate(page, FIRST)
            sentence_s = time.perf_counter()
            idle(page)
            asked_s = time.perf_counter()
            translate(page, NEXT)
            next_s = time.perf_counter()
        finally:
            page.close()
            process.terminate()
            process.wait(10)
    times = (picture_s - started_s, sentence_s - started_s, next_s - asked_s)
    return dict(zip(FIGURES, times, strict=True))


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


if __name__ == "__main__":
    main()
