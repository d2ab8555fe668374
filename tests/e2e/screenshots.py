"""`make screenshots`: remake the pictures in README and docs from the running app."""

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import CHROMIUM_FLAGS, ROOT, chromium, idle, start_server

IMAGES = ROOT / "docs" / "images"
PAGES = {
    "translate": ("/?step=4", ".stepper .ribbons path"),
    "heads": ("/heads", ".js-plotly-plot"),
    "anatomy": ("/anatomy", ".anatomy .strip rect[style]"),
    "inside": ("/inside", ".st-key-norms .js-plotly-plot"),
    "positions": ("/positions?positions=scale", ".js-plotly-plot"),
    "table3": ("/table3", ".table3 table"),
    "training": ("/training?snapshot=1000", ".training canvas"),
    "second-attempt": ("/second_attempt", ".js-plotly-plot"),
    "roles": ("/roles", ".js-plotly-plot"),
    "why": ("/why?step=7", ".js-plotly-plot"),
    "lenses": ("/lenses", ".js-plotly-plot"),
    "contributions": ("/contributions", ".js-plotly-plot"),
    "ablate": ("/ablate?ablation=dec.L1.cross%3Dskip&swept=1", ".js-plotly-plot"),
}
"""For each picture: the address, and what must be drawn before it is taken."""
LOOKS = {
    "": (1280, 900, "light"),
    "-dark": (1280, 900, "dark"),
    "-narrow": (420, 1500, "light"),
    "-narrow-dark": (420, 1500, "dark"),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, server = start_server(Path(folder) / "log")
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        try:
            for name, (address, drawn) in PAGES.items():
                for suffix, (width, height, scheme) in LOOKS.items():
                    page = browser.new_page(
                        viewport={"width": width, "height": height}, color_scheme=scheme
                    )
                    page.goto(server.url + address)
                    page.wait_for_selector(drawn, state="attached", timeout=60_000)
                    idle(page)
                    page.screenshot(path=IMAGES / f"{name}{suffix}.png")
                    page.close()
        finally:
            browser.close()
            process.terminate()
            process.wait(10)


if __name__ == "__main__":
    main()
