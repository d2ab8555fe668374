"""What a page shows, read back: numbers of charts, data of components, tables, texts."""

import base64
import html
import json
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from tests.explorer.pages import charts

Numbers = NDArray[np.float64]


def numbers(packed: Any) -> Numbers:
    """An array as Plotly sends it."""
    if not isinstance(packed, dict):
        return np.array(packed, np.float64)
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])
    shape = [int(n) for n in str(packed.get("shape", len(flat))).split(",")]
    return flat.reshape(shape).astype(np.float64)


def first_map(chart: dict[str, Any]) -> Numbers:
    """The numbers of the first heat map in a chart."""
    return numbers(chart["data"][0]["z"])


def heat_maps(page: AppTest) -> list[Numbers]:
    return [first_map(chart) for chart in charts(page) if chart["data"][0]["type"] == "heatmap"]


def labels(chart: dict[str, Any], axis: str) -> list[str]:
    """The texts along an axis as they are read, also those that only hovering shows."""
    drawn = chart["layout"][axis]
    at = dict(zip(drawn["tickvals"], drawn["ticktext"], strict=True))
    at |= {int(place): label for place, label in drawn.get("labelalias", {}).items()}
    return [html.unescape(at[place]) for place in sorted(at)]


def assert_shown(shown: NDArray[Any], expected: NDArray[Any]) -> None:
    """Whether these are the numbers, as far as a chart's precision goes."""
    assert shown.shape == expected.shape
    np.testing.assert_allclose(shown, expected, rtol=1e-5, atol=1e-6)


def components(page: AppTest, name: str) -> list[Any]:
    """What each component of this name is given: bytes, or plain values."""
    found = [part.proto for part in page.get("bidi_component") if part.proto.component_name == name]
    return [proto.bytes or json.loads(proto.json) for proto in found]


def unpacked(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and raw bytes of a component's message."""
    n = int.from_bytes(data[:4], "little")
    return json.loads(data[4 : 4 + n]), data[4 + n :]


def assert_levels(levels: NDArray[np.uint8], weights: NDArray[Any]) -> None:
    """Whether these bytes are the weights: round(255 · √weight)."""
    assert levels.shape == weights.shape
    assert np.abs(levels - 255 * np.sqrt(weights)).max() <= 0.51


def assert_sent(values: bytes, first: int, weights: NDArray[Any]) -> None:
    """Whether the weights stand there, in two bytes each: any percentage of them is right."""
    sent = np.frombuffer(values, "<u2", weights.size, first).reshape(weights.shape)
    assert np.abs(sent / 65_535 - weights).max() < 2e-5
    assert np.array_equal(sent > 0, weights > 0)


def tiles(data: bytes) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Of an overview: its header, and its levels N H q k."""
    meta, values = unpacked(data)
    return meta, np.frombuffer(values, np.uint8, offset=meta["palette_bytes"]).reshape(
        meta["shape"]
    )


@dataclass(frozen=True)
class Equation:
    """What Equation 1 is given: its header, and the numbers of the rows that are sent."""

    meta: dict[str, Any]
    query: Numbers  # q d_k
    keys: Numbers  # k d_k
    values: Numbers  # k d_v
    products: Numbers  # q k
    weights: Numbers  # q k
    visible: NDArray[np.bool_]  # q k

    def texts(self, row: int) -> dict[str, Any]:
        """What is said about a row, from 0."""
        return self.meta["texts"][self.meta["sent"].index(row + 1)]  # type: ignore[no-any-return]


def equation_of(data: bytes) -> Equation:
    meta, values = unpacked(data)
    q, k, d_k, d_v = len(meta["sent"]), len(meta["keys"]), meta["d_k"], meta["d_v"]
    shapes = ((q, d_k), (k, d_k), (k, d_v), (q, k), (q, k))
    sizes = [math.prod(shape) for shape in shapes]
    floats = np.frombuffer(values, "<f4", count=sum(sizes)).astype(np.float64)
    parts = np.split(floats, np.cumsum(sizes)[:-1])
    visible = np.frombuffer(values, np.uint8, offset=4 * sum(sizes)).astype(bool)
    return Equation(
        meta,
        *(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)),
        visible.reshape(q, k),
    )


def markup(page: AppTest) -> list[str]:
    return [element.proto.body for element in page.get("html")]


def words_in(body: str) -> list[str]:
    """The words of a translation, those that are marked in brackets."""
    marked = re.sub(r"<mark[^>]*>(.*?)</mark>", lambda m: bracketed(m[1]), body)
    return html.unescape(re.sub("<[^>]*>", "", marked)).split()


def bracketed(words: str) -> str:
    return " ".join(f"[{word}]" for word in words.split())


def translations(page: AppTest) -> list[list[str]]:
    """Translations word by word, in their order on the page, marked words in brackets."""
    return [words_in(body) for body in markup(page) if "font-size:1.15rem" in body]


def lines_in_words(page: AppTest) -> list[list[str]]:
    """Every line of translations in words, in their order on the page, new words in brackets."""
    found = [
        line for data in components(page, "sentence_in_words") for line in data["translations"]
    ]
    return [
        [f"[{word['text']}]" if word["is_changed"] else word["text"] for word in line["words"]]
        for line in found
    ]


def read(text: str) -> str:
    """Markdown as it is read: no marks of escape, of small print or of direction."""
    text = re.sub(r"\\(.)", r"\1", text)
    return re.sub("[\u2068\u2069]", "", text)


def said(page: AppTest) -> str:
    """All that stands on the page as text."""
    return read("\n".join(text.value for text in page.markdown))


def frame(page: AppTest, column: str) -> pd.DataFrame:
    """The table that has this column."""
    return next(of.value for of in page.dataframe if column in of.value)
