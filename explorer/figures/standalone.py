"""Pictures without a server: one HTML file that opens offline, or the same in a notebook.

A component's script is a module `export default function ({ data, parentElement, setStateValue,
setTriggerValue })`; here a few lines stand in for Streamlit: a shadow root, theme variables, and
answers that go nowhere.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.utils import PlotlyJSONEncoder

LIGHT = {
    "background-color": "#ffffff",
    "secondary-background-color": "#f0f2f6",
    "text-color": "#31333f",
    "border-color": "#d5d6d8",
    "primary-color": "#7b3fa0",
}
DARK = {
    "background-color": "#0e1117",
    "secondary-background-color": "#262730",
    "text-color": "#fafafa",
    "border-color": "#4c4f57",
    "primary-color": "#b184d6",
}


@dataclass(frozen=True, slots=True)
class Mounted:
    """A component as it would be mounted: its script, its style, and the data it is given."""

    js: str
    css: str
    data: Any  # bytes, or plain values


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, its heading, and a sentence on what to notice in it."""

    title: str
    shown: Mounted | go.Figure
    note: str = ""


def standalone_html(title: str, pictures: Sequence[Picture]) -> str:
    """The text of one HTML file that needs no network.

    Args:
        title: of the page; like all texts, it appears as typed.
    """
    plotly = any(isinstance(picture.shown, go.Figure) for picture in pictures)
    library = f"<script>{get_plotlyjs()}</script>" if plotly else ""
    sections = "\n".join(_section(number, picture) for number, picture in enumerate(pictures))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_style()}</style>\n{library}\n</head>\n"
        f'<body>\n<main>\n<h1 dir="auto">{html.escape(title)}</h1>\n{sections}\n</main>\n'
        f"<script>{_SHIM}</script>\n</body>\n</html>\n"
    )


def notebook_html(title: str, pictures: Sequence[Picture], *, height: int = 700) -> str:
    """The same page in a frame of its own, for `IPython.display.HTML` or `_repr_html_`.

    Nothing is shared with the notebook: neither styles nor scripts, nor a copy of Plotly.
    """
    page = html.escape(standalone_html(title, pictures))
    return (
        f'<iframe title="{html.escape(title)}" srcdoc="{page}" '
        f'style="width: 100%; height: {height}px; border: 0"></iframe>'
    )


def _section(number: int, picture: Picture) -> str:
    note = f'<p dir="auto">{html.escape(picture.note)}</p>' if picture.note else ""
    name = html.escape(picture.title)
    return (
        f'<section aria-labelledby="title-{number}">\n<h2 id="title-{number}" dir="auto">{name}</h2>'
        f'\n{note}\n<div class="picture" role="group" aria-label="{name}"></div>\n'
        f'<script type="application/json">{_json(picture.shown)}</script>\n</section>'
    )


def _json(shown: Mounted | go.Figure) -> str:
    """What the shim reads. Bytes travel as hexadecimal digits; `<` may not end the script."""
    if isinstance(shown, go.Figure):
        values: dict[str, Any] = {"figure": shown.to_plotly_json()}
    elif isinstance(shown.data, bytes):
        values = {"js": shown.js, "css": shown.css, "bytes": shown.data.hex()}
    else:
        values = {"js": shown.js, "css": shown.css, "data": shown.data}
    return str(PlotlyJSONEncoder().encode(values)).replace("<", "\\u003c")


def _style() -> str:
    def variables(theme: dict[str, str]) -> str:
        return "".join(f"--st-{name}:{value};" for name, value in theme.items())

    return (
        f":root{{color-scheme:light dark;--st-font:system-ui,sans-serif;{variables(LIGHT)}}}\n"
        f"@media(prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}\n{_PAGE}"
    )


_PAGE = """
body { margin: 0; background: var(--st-background-color); color: var(--st-text-color);
  font-family: var(--st-font); line-height: 1.45; }
main { max-width: 1100px; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; }
p { margin: 0 0 0.75rem; max-width: 70ch; }
"""

_SHIM = r"""
const dark = matchMedia("(prefers-color-scheme: dark)");
function theme(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--st-" + name).trim();
}
function look(layout) {
  const colour = theme("text-color");
  const made = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", "font.color": colour };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    made[name + ".gridcolor"] = made[name + ".zerolinecolor"] = theme("border-color");
  }
  return made;
}
async function drawFigure(place, figure) {
  const { template, ...layout } = figure.layout;
  await Plotly.newPlot(place, figure.data, layout,
    { responsive: true, displaylogo: false });
  const paint = () => Plotly.relayout(place, look(figure.layout));
  dark.addEventListener("change", paint);
  await paint();
}
async function drawView(place, view) {
  const address = URL.createObjectURL(new Blob([view.js], { type: "text/javascript" }));
  const { default: draw } = await import(address);
  const parentElement = place.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = view.css;
  parentElement.append(style);
  const data = view.bytes === undefined
    ? view.data
    : Uint8Array.from(view.bytes.match(/../g) ?? [], (digits) => parseInt(digits, 16));
  const ignore = () => {};
  draw({ data, parentElement, key: "", name: "", setStateValue: ignore, setTriggerValue: ignore });
}
for (const section of document.querySelectorAll("section")) {
  const shown = JSON.parse(section.querySelector("script").textContent);
  const place = section.querySelector(".picture");
  const drawn = shown.figure ? drawFigure(place, shown.figure) : drawView(place, shown);
  drawn.then(() => { place.dataset.drawn = "true"; });
}
"""
