"""From `streamlit run explorer/app.py` to a picture, and to a sentence of one's own.

    python -m bench.startup [--repeats 5] [--json FILE]

Every repeat is a server process of its own and a browser window without a cache; Chromium itself
runs before the clock starts. The disk cache holds the files, but for the first repeat after a boot.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser

from bench.browser import PICTURE, await_drawn, measuring, options, translate
from tests.e2e.conftest import idle, start_server

FIGURES = {
    "first picture": "from the command to the example's translation, drawn",
    "first sentence": "from the command to the translation of a new sentence, asked for at once",
    "next sentence": "from the click on Translate to the next new sentence, model loaded, page idle",
}
FIRST, NEXT = (
    f"A young man in a blue shirt is riding his old bicycle along a busy street near the {place}"
    for place in ("harbour", "library")
)


def main() -> None:
    chosen = options(__doc__, repeats=5)
    with measuring() as (browser, described):
        runs = [_start(browser) for _ in range(chosen.repeats)]
    for name, meaning in FIGURES.items():
        times = [run[name] for run in runs]
        print(
            f"{name:14} {statistics.median(times):6.2f} s  "
            f"[{min(times):.2f}, {max(times):.2f}]  ({meaning})"
        )
    if chosen.json:
        chosen.json.write_text(json.dumps({"machine": described, "seconds": runs}, indent=2) + "\n")


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


if __name__ == "__main__":
    main()
