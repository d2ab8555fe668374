"""A blank page where components draw what they are given; pixels and reports are read back."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page

from explorer.figures.standalone import LIGHT

_VARIABLES = "".join(f"--st-{name}:{value};" for name, value in LIGHT.items())
_PAGE = f"<style>:root{{--st-font:sans-serif;{_VARIABLES}}} body{{margin:0}}</style>"
_DRAW = """async ({ name, js, css, hex, data }) => {
  let place = document.getElementById(name);
  if (!place) {
    place = document.createElement("div");
    place.id = name;
    document.body.replaceChildren(place);
    place.attachShadow({ mode: "open" }).innerHTML = `<style>${css}</style>`;
    const address = URL.createObjectURL(new Blob([js], { type: "text/javascript" }));
    place.draw = (await import(address)).default;
    window.reports = place.reports = []; // what a component of before still reports is not this one's
  }
  const report = (what, value) => place.reports.push([what, value]);
  const bytes = hex && Uint8Array.from(hex.match(/../g), (digits) => parseInt(digits, 16));
  place.draw({
    data: bytes ?? data, parentElement: place.shadowRoot, setStateValue: report, setTriggerValue: report,
  });
}"""
_PIXELS = """canvas => {
  const { width, height } = canvas;
  const bytes = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return [height, width, btoa(text)];
}"""


class Board:
    """One component at a time; drawn again under the same name, it is updated."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_content(_PAGE)

    def draw(self, name: str, js: str, css: str, data: bytes | Mapping[str, Any]) -> Locator:
        given = {"hex": data.hex()} if isinstance(data, bytes) else {"data": data}
        self.page.evaluate(_DRAW, {"name": name, "js": js, "css": css, **given})
        return self.page.locator(f"#{name}")

    def reported(self, within_ms: int = 0) -> list[Any]:
        """What the component told the server since it was asked last."""
        if within_ms:
            self.page.wait_for_function("window.reports.length", timeout=within_ms)
        found: list[Any] = self.page.evaluate("window.reports.splice(0)")
        return found


def pixels(canvas: Locator) -> NDArray[np.uint8]:
    """Red, green, blue and alpha of every pixel: rows columns 4."""
    height, width, values = canvas.evaluate(_PIXELS)
    return np.frombuffer(base64.b64decode(values), np.uint8).reshape(height, width, 4)
