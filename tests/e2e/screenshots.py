"""`make screenshots`: remake the pictures in README and docs from the running app."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import CHROMIUM_FLAGS, ROOT, chromium, idle, start_server

IMAGES = ROOT / "docs" / "images"
SIZES = {"": (1280, 1010), "-narrow": (420, 1900)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        process, server = start_server(Path(folder) / "log")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=chromium(), args=CHROMIUM_FLAGS
                )
                for scheme in ("light", "dark"):
                    for name, (width, height) in SIZES.items():
                        page = browser.new_page(
                            viewport={"width": width, "height": height}, color_scheme=scheme
                        )
                        page.goto(server.url)
                        page.wait_for_selector(".js-plotly-plot", timeout=60_000)
                        idle(page)
                        suffix = "-dark" if scheme == "dark" else ""
                        page.screenshot(path=IMAGES / f"translate{name}{suffix}.png")
                        page.close()
                browser.close()
        finally:
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    main()
