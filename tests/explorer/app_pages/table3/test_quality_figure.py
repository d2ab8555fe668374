"""Points of a chart: intervals are bars, equal costs stand apart, names stand where there is room."""

import itertools
import math

import pytest

from core.experiments.table3.table import read_table
from explorer.app_pages.table3.quality_figure import (
    Point,
    _marks,
    _overlap,
    _text_boxes,
    legend_html,
    name_positions,
    quality_figure,
    side_by_side,
)
from tests.test_table3 import FOLDER

POINTS = [
    Point("a", "one", 1, 10, (9, 12)), Point("b", "one", 10, 20), Point("c", "two", 10, 20.1),
]  # fmt: skip
GROUPS = ("one", "two")
BUNDLED = [
    Point(row.name, "one", row.sizes.parameters / 1e6, score.value, score.interval_95)
    for row in read_table(FOLDER / "table.json").rows
    if row.measured
    for score in [row.measured.scores["multi30k-test2016"]["bleu"]]
]


def test_intervals_are_bars_from_the_score_to_their_ends() -> None:
    one, two = quality_figure(POINTS, GROUPS, x_title="cost", y_title="score").data
    assert (list(one.error_y.array), list(one.error_y.arrayminus)) == ([2, 0], [1, 0])
    assert (one.error_y.visible, two.error_y.visible) == (True, False)
    assert one.marker.color != two.marker.color
    assert one.marker.symbol != two.marker.symbol


def test_pointing_tells_the_true_cost() -> None:
    one, _ = quality_figure(POINTS, GROUPS, x_title="cost", y_title="score").data
    assert [tuple(data) for data in one.customdata] == [("a", " [9.00, 12.00]", 1), ("b", "", 10)]


def test_models_of_one_cost_stand_side_by_side_around_it() -> None:
    places = side_by_side(POINTS)
    assert places["a"] == 1
    assert places["b"] < 10 < places["c"]
    assert math.sqrt(places["b"] * places["c"]) == pytest.approx(10)


def test_no_two_marks_of_the_bundled_table_are_on_one_another() -> None:
    marks = _marks(BUNDLED).values()
    assert not [
        pair for pair in itertools.combinations(marks, 2) if _overlap(pair[0].bar, pair[1].bar)
    ]


def test_names_lie_on_nothing() -> None:
    marks, positions = _marks(BUNDLED), name_positions(BUNDLED)
    written = {
        name: _text_boxes(name, marks[name].x, marks[name].y)[position]
        for name, position in positions.items()
        if position
    }
    assert len(written) >= len(BUNDLED) // 3
    for name, box in written.items():
        others = [other for key, other in written.items() if key != name]
        for mark in marks.values():
            others += [mark.box, mark.bar]
        assert not any(_overlap(box, other) for other in others)


def test_a_short_axis_has_several_numbers() -> None:
    points = [Point("a", "one", 1_100, 1), Point("b", "one", 2_700, 2)]
    axis = quality_figure(points, GROUPS, x_title="speed", y_title="score").layout.xaxis
    low, high = (10**end for end in axis.range)
    seen = [t for v, t in zip(axis.tickvals, axis.ticktext, strict=True) if low <= v <= high]
    assert seen == ["1,250", "1,500", "1,750", "2,000", "2,500"]


def test_no_points_are_an_empty_figure() -> None:
    assert not quality_figure([], GROUPS, x_title="cost", y_title="score").data


def test_the_legend_shows_every_group_once() -> None:
    assert legend_html(GROUPS).count("<span style") == 2
