"""An SVG file is XML whatever the words are, and its box holds all that is drawn."""

from xml.etree import ElementTree

import numpy as np
import pytest

from explorer.figures.drawing import PAD, Drawing, text_width, wrapped

SVG = "{http://www.w3.org/2000/svg}"


def box(drawing: Drawing) -> tuple[float, ...]:
    """Left, top, right and bottom of the file's view."""
    x, y, width, height = map(
        float, ElementTree.fromstring(drawing.svg("", "")).attrib["viewBox"].split()
    )
    return x, y, x + width, y + height


@pytest.mark.parametrize("words", ["<s>", "a & b", "\"'", "\x00\x1b\ufffe", "שלום", "日本", "👩‍👧"])
def test_words_are_words(words: str) -> None:
    drawing = Drawing()
    drawing.text(0, 0, words, size=10)
    root = ElementTree.fromstring(drawing.svg(words, words))
    (text,) = root.iter(f"{SVG}text")
    shown = "\ufffd\ufffd\ufffd" if words.startswith("\x00") else words
    assert text.text == root.findtext(f"{SVG}title") == root.findtext(f"{SVG}desc") == shown


@pytest.mark.parametrize(
    ("anchor", "turn", "side"),
    [("start", 0, 2), ("end", 0, 0), ("start", -90, 1), ("end", -90, 3), ("start", 90, 3)],
)
def test_the_box_holds_the_words_wherever_they_go(anchor: str, turn: float, side: int) -> None:
    drawing = Drawing()
    drawing.text(3, 5, "somewhere", size=10, anchor=anchor, turn=turn)
    far = (3, 5, 3, 5)[side] + (-1 if side < 2 else 1) * (text_width("somewhere", 10) + PAD)
    assert box(drawing)[side] == pytest.approx(far, abs=0.1)


def test_the_box_holds_cells_and_bars() -> None:
    drawing = Drawing()
    drawing.cells(np.full((2, 3), "#ffffff"), x=-40, y=7, cell=10)
    drawing.bar([(0, "#000000"), (1, "#ffffff")], x=50, y=-30, width=5, height=10)
    assert box(drawing) == (-40 - PAD, -30 - PAD, 55 + PAD, 27 + PAD)


def test_wide_letters_take_more_room() -> None:
    assert text_width("il", 10) < text_width("an", 10) < text_width("WM", 10)
    assert text_width("日本", 10) == 20
    assert text_width("e\u0301", 10) == text_width("e", 10)


def test_a_line_is_broken_where_the_next_word_would_not_fit() -> None:
    text = "one two three four five six seven https://example.org/?text=a&layer=1&head=2"
    lines = wrapped(text, 100, 10)
    assert len(lines) > 3
    assert all(text_width(line, 10) <= 100 or " " not in line for line in lines)
    words = text.split(" ")
    joined = " ".join(lines)
    assert joined.split(" ")[:7] == words[:7]
    assert joined.replace(" ", "") == text.replace(" ", "")
    first, second = lines[:2]
    assert text_width(f"{first} {second.split(' ')[0]}", 10) > 100
    assert wrapped("one two", 1_000, 10) == ["one two"]
