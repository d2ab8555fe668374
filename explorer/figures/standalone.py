"""Pictures without a server: one HTML file that opens offline, or the same in a notebook.

A component's script is a module `export default function ({ data, parentElement, setStateValue,
setTriggerValue })`; `page/page.js` stands in for Streamlit: a shadow root, theme variables, and
callbacks that do nothing.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.utils import PlotlyJSONEncoder

HERE = Path(__file__).parent
SAVING = HERE / "saving"
BUTTONS_STYLE = SAVING / "chart_buttons.css"

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

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "page"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
)


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


@functools.cache
def picture_scripts() -> tuple[str, str]:
    """What saves a picture as SVG or PNG, and the buttons for it on Plotly's charts."""
    names = ("places", "boxes", "colours", "text", "drawings", "picture", "chart_buttons")
    *drawing, buttons = ((SAVING / f"{name}.js").read_text("utf-8") for name in names)
    once = "if (window.explorerPictures) return; // pages share this window"
    return "\n".join(["(() => {", once, *drawing, "})();"]), buttons


def standalone_html(title: str, pictures: Sequence[Picture], *, caption: Sequence[str] = ()) -> str:
    """The text of one HTML file that needs no network.

    Args:
        title: of the page; like all texts, it appears as typed.
        caption: the lines below every picture that is saved from the page.
    """
    plotly = any(isinstance(picture.shown, go.Figure) for picture in pictures)
    return _TEMPLATES.get_template("page.html").render(
        title=title,
        pictures=pictures,
        caption=caption,
        plotly=get_plotlyjs() if plotly else "",
        picture_scripts=picture_scripts(),
        buttons_style=BUTTONS_STYLE.read_text("utf-8"),
        json=_json,
        light=LIGHT,
        dark=DARK,
    )


def notebook_html(
    title: str, pictures: Sequence[Picture], *, caption: Sequence[str] = (), height: int = 700
) -> str:
    """The same page in a frame of its own, for `IPython.display.HTML` or `_repr_html_`.

    Nothing is shared with the notebook: neither styles nor scripts, nor a copy of Plotly.
    """
    page = standalone_html(title, pictures, caption=caption)
    return _TEMPLATES.get_template("frame.html").render(title=title, page=page, height=height)


def _json(shown: Mounted | go.Figure) -> str:
    """What the shim reads. Bytes travel as hexadecimal digits; `<` may not end the script."""
    if isinstance(shown, go.Figure):
        values: dict[str, Any] = {"figure": shown.to_plotly_json()}
    elif isinstance(shown.data, bytes):
        values = {"js": shown.js, "css": shown.css, "bytes": shown.data.hex()}
    else:
        values = {"js": shown.js, "css": shown.css, "data": shown.data}
    return str(PlotlyJSONEncoder().encode(values)).replace("<", "\\u003c")
