"""Plain shapes and text as SVG, in a canvas as large as what is drawn on it.

Black on white, in a generic font: any browser or vector editor opens it.
"""

import html
import math
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FONT = "Helvetica, Arial, sans-serif"
PAD = 12.0
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Drawing:
    """Shapes drawn so far, and the box around them."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.left = self.top = self.right = self.bottom = 0.0

    def _include(self, *points: tuple[float, float]) -> None:
        xs, ys = zip(*points, strict=True)
        self.left, self.right = min(self.left, *xs), max(self.right, *xs)
        self.top, self.bottom = min(self.top, *ys), max(self.bottom, *ys)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float,
        anchor: str = "start",
        turn: float = 0,
        fill: str = "#000",
        weight: str = "normal",
    ) -> None:
        """Words as typed, on a line through (x, y).

        Args:
            anchor: which part of the words is at x: start, middle or end.
            turn: degrees clockwise around (x, y).
        """
        width = text_width(words, size)
        start = {"start": 0.0, "middle": -width / 2, "end": -width}[anchor]
        angle = math.radians(turn)
        cos, sin = math.cos(angle), math.sin(angle)
        self._include(*(
            (x + a * cos - b * sin, y + a * sin + b * cos)
            for a in (start, start + width) for b in (-0.8 * size, 0.25 * size)
        ))  # fmt: skip
        turned = f' transform="rotate({turn:g} {x:g} {y:g})"' if turn else ""
        bold = f' font-weight="{weight}"' if weight != "normal" else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" fill="{fill}"'
            f"{bold}{turned}>{escaped(words)}</text>"
        )

    def cells(
        self, colours: NDArray[np.str_], *, x: float, y: float, cell: float, gap: float = 0
    ) -> None:
        """A matrix of colours as squares, the first row on top.

        Args:
            colours: rows columns, as `#rrggbb`.
        """
        n_rows, n_columns = colours.shape
        self._include((x, y), (x + n_columns * cell, y + n_rows * cell))
        side = cell - gap
        paths = []
        for colour in np.unique(colours):
            squares = "".join(
                f"M{column * cell:g} {row * cell:g}h{side:g}v{side:g}h{-side:g}z"
                for row, column in np.argwhere(colours == colour)
            )
            paths.append(f'<path fill="{colour}" d="{squares}"/>')
        self._parts.append(
            f'<g transform="translate({x:g} {y:g})" shape-rendering="crispEdges">{"".join(paths)}</g>'
        )

    def bar(
        self, stops: list[tuple[float, str]], *, x: float, y: float, width: float, height: float
    ) -> None:
        """A vertical colour bar, its first colour at the bottom.

        Args:
            stops: shares of its height from 0 to 1, and the colour there.
        """
        self._include((x, y), (x + width, y + height))
        listed = "".join(f'<stop offset="{at:.4g}" stop-color="{c}"/>' for at, c in stops)
        self._parts.append(
            f'<linearGradient id="scale" x1="0" y1="1" x2="0" y2="0">{listed}</linearGradient>'
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="url(#scale)"/>'
        )

    def caption(self, lines: Sequence[str], *, size: float = 11) -> None:
        """Lines below all that is drawn so far, broken at its width."""
        left, y = self.left, self.bottom + size
        width = max(self.right - left, 30 * size)
        for line in (part for text in lines for part in wrapped(text, width, size)):
            y += 1.4 * size
            self.text(left, y, line, size=size)

    def svg(self, title: str, about: str) -> str:
        """The text of a file.

        Args:
            title, about: what is drawn, for search and screen readers.
        """
        left, top = self.left - PAD, self.top - PAD
        width, height = self.right - left + PAD, self.bottom - top + PAD
        box = f"{left:.1f} {top:.1f} {width:.1f} {height:.1f}"
        white = f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.1f}" height="{height:.1f}" '
            f'viewBox="{box}" font-family="{FONT}" role="img" aria-labelledby="title about">\n'
            f'<title id="title">{escaped(title)}</title>\n<desc id="about">{escaped(about)}</desc>\n'
            f'{white} fill="#fff"/>\n' + "\n".join(self._parts) + "\n</svg>\n"
        )


def escaped(words: str) -> str:
    """Text escaped for XML; characters that XML does not allow become U+FFFD."""
    return html.escape(NOT_XML.sub("\ufffd", words))


def wrapped(text: str, width: float, size: float) -> list[str]:
    """The lines of a text that is broken after spaces, and a link after its `&`."""
    lines = [""]
    for word in re.findall(r"[^ &?]*[ &?]|[^ &?]+", text):
        if lines[-1] and text_width((lines[-1] + word).rstrip(), size) > width:
            lines.append("")
        lines[-1] += word
    return [line.rstrip() for line in lines]


def text_width(words: str, size: float) -> float:
    """The estimated width of a text in an unknown font: its width in DejaVu Sans Bold."""
    return size * sum(map(_em, words))


def _em(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF" or character in "mwMW@%—→…":
        return 1.0
    if character in "<>=+~":
        return 0.84
    if character in "iljtfrI.,;:!|'()[] ":
        return 0.45
    return 0.8 if character.isupper() else 0.7
