"""Heads for print: every weight in its place and colour, every label, numbers at the colour bar."""

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer.figures.colours import PALETTE, weight_levels
from explorer.figures.head import Scale
from explorer.figures.vector import head_svg, heads_svg

SVG = "{http://www.w3.org/2000/svg}"
ROWS, COLUMNS = ["<s> → a", "a → b"], ["x", "y", "x"]
WEIGHTS = np.array([[0.7, 0.2, 0.1], [0.004, 0.996, 0.0]], np.float32)
NAMES = {"row_title": "asks", "column_title": "looked at", "title": "Head & more", "about": "all"}


def head(weights: Any = WEIGHTS, **changes: Any) -> ElementTree.Element:
    values = {"rows": ROWS, "columns": COLUMNS, "scale": Scale(), **NAMES, **changes}
    return ElementTree.fromstring(head_svg(weights, **values))


def heads(weights: NDArray[Any]) -> ElementTree.Element:
    rows, columns = (
        [f"{name}{i}" for i in range(n)] for name, n in zip("qk", weights.shape[2:], strict=True)
    )
    return ElementTree.fromstring(heads_svg(weights, rows=rows, columns=columns, **NAMES))  # fmt: skip


def words(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def colours(group: ElementTree.Element, shape: tuple[int, ...], cell: float) -> NDArray[np.str_]:
    """The colour of each cell, read from the squares of a group."""
    found = np.full(shape, "#??????")
    for path in group.iter(f"{SVG}path"):
        for x, y in re.findall(r"M(\S+) (\S+?)h", path.attrib["d"]):
            place = round(float(y) / cell), round(float(x) / cell)
            assert found[place] == "#??????"
            found[place] = path.attrib["fill"]
    return found


def test_every_weight_has_its_colour_in_its_place() -> None:
    (group,) = head().iter(f"{SVG}g")
    assert np.array_equal(colours(group, (2, 3), 26), PALETTE[weight_levels(WEIGHTS)])
    assert (PALETTE[0], PALETTE[255]) == ("#440154", "#fde725")  # Viridis, as on screen


def test_other_numbers_are_shares_of_the_largest() -> None:
    root = head(3 * WEIGHTS, scale=Scale("norm", 3.0))
    (group,) = root.iter(f"{SVG}g")
    assert np.array_equal(colours(group, (2, 3), 26), PALETTE[weight_levels(WEIGHTS)])
    bar = words(root)
    at = bar.index("norm")
    assert bar[at - 6 : at] == ["0", "0.3", "0.75", "1.5", "2.25", "3"]


def test_the_colour_bar_has_the_colours_of_its_numbers() -> None:
    root = head()
    stops = {
        float(stop.attrib["offset"]): stop.attrib["stop-color"] for stop in root.iter(f"{SVG}stop")
    }
    assert (stops[0.0], stops[1.0]) == (PALETTE[0], PALETTE[255])
    for share, colour in stops.items():
        assert colour in PALETTE[max(0, round(255 * share**0.5) - 1) : round(255 * share**0.5) + 2]
    (bar,) = (rect for rect in root.iter(f"{SVG}rect") if rect.attrib["fill"].startswith("url"))
    top, height = float(bar.attrib["y"]), float(bar.attrib["height"])
    ticks = {t.text: float(t.attrib["y"]) for t in root.iter(f"{SVG}text")}
    for number in ("0", "0.1", "0.25", "0.5", "0.75", "1"):
        assert ticks[number] - 4 == pytest.approx(top + height * (1 - float(number)))


def test_every_label_and_name_is_written() -> None:
    said = words(head())
    assert [*ROWS, *COLUMNS] == said[said.index(ROWS[0]) : said.index(ROWS[0]) + 5]
    assert {"asks", "looked at", "weight", "Head & more"} <= set(said)
    numbers = [".70", ".20", ".10", "", "1", ""]
    assert said[: len(numbers)] == numbers


def test_rows_read_downwards_and_columns_to_the_right() -> None:
    texts = list(head().iter(f"{SVG}text"))
    ys = [float(text.attrib["y"]) for text in texts if text.text in ROWS]
    xs = [float(text.attrib["x"]) for text in texts if text.text in COLUMNS]
    assert ys == sorted(ys)
    assert xs == sorted(xs)


def test_many_columns_keep_their_labels_and_lose_their_numbers() -> None:
    said = words(head(np.full((2, 90), 1 / 90), columns=[f"k{i}" for i in range(90)]))
    assert [word for word in said if word.startswith("k")] == [f"k{i}" for i in range(90)]
    assert ".01" not in said


def test_labels_must_fit_the_shape() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) do not fit 1 row and 3"):
        head(rows=ROWS[:1])
    with pytest.raises(ValueError, match=r"\(2, 3\) do not fit 2 row and 1"):
        heads_svg(np.zeros((1, 1, 2, 3)), rows=["a", "b"], columns=["c"], **NAMES)


def test_every_head_is_a_tile_in_its_layer_and_column() -> None:
    weights = np.random.default_rng(1).dirichlet(np.ones(7), size=(3, 5, 11))
    root = heads(weights)
    tiles = list(root.iter(f"{SVG}g"))
    for tile, matrix in zip(tiles, weights.reshape(-1, 11, 7), strict=True):
        assert np.array_equal(colours(tile, (11, 7), 10), PALETTE[weight_levels(matrix)])
    places = [re.findall(r"[-\d.]+", tile.attrib["transform"]) for tile in tiles]
    xs, ys = (np.array(of, float).reshape(3, 5) for of in zip(*places, strict=True))
    assert (np.diff(xs, axis=1) >= 70).all()
    assert (np.diff(ys, axis=0) >= 110).all()
    assert (np.diff(xs, axis=0) == 0).all()
    said = words(root)
    assert [word for word in said if word.startswith(("Layer", "Head "))] == [
        *(f"Head {n}" for n in range(1, 6)), *(f"Layer {n}" for n in range(1, 4)), "Head & more",
    ]  # fmt: skip
    assert said.count("q10") == 3
    assert said.count("k6") == 5


def test_of_a_long_sentence_a_cell_is_a_block() -> None:
    weights = np.zeros((1, 2, 130, 130))
    weights[0, 1, 129, 129] = 1
    root = heads(weights)
    tile = list(root.iter(f"{SVG}g"))[1]
    drawn = colours(tile, (64, 64), 10)
    assert np.argwhere(drawn == PALETTE[255]).tolist() == [[63, 63]]
    for name in "qk":
        assert [word for word in words(root) if word.startswith(name)][:2] == [
            f"{name}0",
            f"{name}2",
        ]
