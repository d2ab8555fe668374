"""Figures are pure functions of arrays and words."""

import numpy as np
import pytest

from explorer.figures.axes import label_axis, signed
from explorer.figures.colours import PALETTE, luminance, weight_levels, weight_palette, weight_scale
from explorer.figures.head import (
    cell_numbers,
    head_figure,
    piece_label,
    piece_labels,
    strongest_links,
    token_label,
    with_click_targets,
)

WEIGHTS = np.array([[0.7, 0.2, 0.1], [0.004, 0.996, 0.0]], np.float32)
ROWS, COLUMNS = ["<s> → a", "a → b"], ["x", "y", "x"]


def figure(**changes: object):  # type: ignore[no-untyped-def]
    values = {"rows": ROWS, "columns": COLUMNS, "row_title": "r", "column_title": "c"}
    return head_figure(WEIGHTS, **{**values, **changes})  # type: ignore[arg-type]


def test_the_picture_holds_the_weights_as_they_are() -> None:
    assert np.array_equal(np.asarray(figure().data[0].z, np.float32), WEIGHTS)


def test_the_scale_is_fixed_from_zero_to_one() -> None:
    assert (figure().data[0].zmin, figure().data[0].zmax) == (0, 1)


def test_equal_labels_stay_apart() -> None:
    axis = figure().layout.xaxis
    assert list(axis.tickvals) == [0, 1, 2]
    assert list(axis.ticktext) == COLUMNS


def test_rows_read_downwards() -> None:
    assert figure().layout.yaxis.autorange == "reversed"


def test_a_cell_prints_two_digits_or_nothing() -> None:
    printed = figure().data[1]
    places = zip(printed.y, printed.x, printed.text, strict=True)
    assert [number for *_, number in sorted(places)] == [".70", ".20", ".10", "", "1", ""]


def test_every_printed_number_is_read_on_its_cell() -> None:
    """At least 4.5:1 (WCAG 2.1) on the cell's own colour, over the whole scale."""
    weights = np.linspace(0, 1, 18)[None]
    made = head_figure(weights, rows=["r"], columns=["x"] * 18, row_title="r", column_title="c")
    for colour, ink in zip(
        PALETTE[weight_levels(weights)].flat, made.data[1].textfont.color, strict=True
    ):
        light, dark = sorted((luminance(str(colour)), luminance(ink)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_numbers_above_one_are_printed_as_they_are() -> None:
    assert cell_numbers(np.array([[0.994, 0.996, 1.004, 1.24, 12.5]])) == [
        [".99", "1", "1", "1.24", "12.50"]
    ]


def test_many_columns_print_no_numbers() -> None:
    weights = np.full((2, 30), 1 / 30)
    made = head_figure(weights, rows=ROWS, columns=["x"] * 30, row_title="r", column_title="c")
    assert len(made.data) == 1


def test_labels_must_fit_the_shape() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) do not fit 1 row and 3"):
        figure(rows=ROWS[:1])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("▁Mann", "Mann"),
        ("<s>", "&lt;s&gt;"),
        ("▁", "␣"),
        ("a&b", "a&amp;b"),
        ("▁<b>", "&lt;b&gt;"),
    ],
)
def test_a_token_is_shown_as_typed(name: str, shown: str) -> None:
    assert token_label(piece_label(name)) == shown


def test_a_label_is_escaped_and_nothing_else() -> None:
    assert token_label("<0x41> ▁") == "&lt;0x41&gt; ▁"


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["▁", "<0xE2>", "<0x82>", "<0xAC>", "▁5"], ["␣", "€ 1/3", "€ 2/3", "€ 3/3", "5"]),
        (["<0xC3>", "<0xA9>", "<0xC3>", "<0xA9>"], ["é 1/2", "é 2/2", "é 1/2", "é 2/2"]),
        (["<0x41>", "<0x20>", "<0x0A>"], ["A", "␣", "<0x0A>"]),
        (["<0x41>", "<0xE2>", "<0x82>", "b"], ["A", "<0xE2>", "<0x82>", "b"]),
        (["<0xF0>", "<0x9F>", "<0x98>", "<0x80>", "<0x42>"], [*(f"😀 {n}/4" for n in (1, 2, 3, 4)), "B"]),
        (["<0xE2>", "x", "<0x82>", "<0xAC>"], ["<0xE2>", "x", "<0x82>", "<0xAC>"]),
        ([], []),
    ],
)  # fmt: skip
def test_bytes_are_called_by_the_character_that_they_make(
    names: list[str], labels: list[str]
) -> None:
    assert piece_labels(names) == labels


def test_the_strongest_links_come_first() -> None:
    headings = ("step", "looks at", "share")
    links = strongest_links(WEIGHTS, rows=ROWS, columns=COLUMNS, headings=headings, n=2)
    assert links == [
        {"step": "a → b", "looks at": "y", "share": 0.996},
        {"step": "<s> → a", "looks at": "x", "share": 0.7},
    ]


def test_canvas_and_figure_share_one_ramp() -> None:
    palette = np.frombuffer(weight_palette(), np.uint8).reshape(256, 3)
    for weight, colour in weight_scale():
        level = round(255 * np.sqrt(weight))
        wanted = [float(number) for number in colour[4:-1].split(",")]
        assert np.abs(palette[level] - wanted).max() <= 2


def test_brightness_grows_with_the_weight() -> None:
    palette = np.frombuffer(weight_palette(), np.uint8).reshape(256, 3) / 255
    luminance = palette @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) > -0.005).all()
    assert luminance[-1] - luminance[0] > 0.6


@pytest.mark.parametrize(("name", "text"), [("▁Mann", "Mann"), ("▁", "␣"), ("<b>", "<b>")])
def test_a_piece_is_shown_as_typed(name: str, text: str) -> None:
    assert piece_label(name) == text


def test_of_many_labels_every_nth_is_written() -> None:
    names = [str(number) for number in range(130)]
    axis = label_axis(names, most=64)
    assert len(axis["tickvals"]) <= 64
    assert [names[place] for place in axis["tickvals"]] == axis["ticktext"]


def test_hovering_names_the_labels_that_are_not_written() -> None:
    names = [f"word {number}" for number in range(130)]
    axis = label_axis(names, most=64)
    written = dict(zip(axis["tickvals"], axis["ticktext"], strict=True))
    hovered = {int(place): name for place, name in axis["labelalias"].items()}
    assert written | hovered == dict(enumerate(names))


def test_a_click_target_is_its_cell_and_says_what_the_cell_says() -> None:
    bars = with_click_targets(figure(), WEIGHTS, columns=COLUMNS).data[-1]
    assert bars.width == 1
    places = zip(bars.y, bars.base, bars.x, bars.customdata, strict=True)
    for (row, column), (y, left, width, (name, value)) in zip(
        np.ndindex(*WEIGHTS.shape), places, strict=True
    ):
        assert (y, left, left + width) == (row, column - 0.5, column + 0.5)
        assert (name, value) == (COLUMNS[column], pytest.approx(WEIGHTS[row, column], abs=1e-4))


def test_of_very_many_cells_each_rows_largest_can_be_clicked() -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(80), 70)
    rows, columns = [[str(n) for n in range(size)] for size in weights.shape]
    made = head_figure(weights, rows=rows, columns=columns, row_title="r", column_title="c")
    bars = with_click_targets(made, weights, columns=columns).data[1]
    assert list(bars.y) == list(range(70))
    assert list(bars.base) == list(weights.argmax(1) - 0.5)


def test_numbers_have_a_true_minus_sign() -> None:
    assert [signed(-2.345, 1), signed(-0.01, 1), signed(3.0)] == ["−2.3", "0.0", "3.00"]
    assert [signed(n, plus=True) for n in (0.5, 0.0, -0.001, -0.5)] == [
        "+0.50", "+0.00", "+0.00", "−0.50",
    ]  # fmt: skip
