"""Points of a chart: intervals are bars, names stand where there is room."""

from explorer.app_pages.table3.quality_figure import Point, quality_figure, stands_alone

POINTS = [
    Point("a", "one", 1, 10, (9, 12)), Point("b", "one", 10, 20), Point("c", "two", 10, 20.1),
]  # fmt: skip


def test_intervals_are_bars_from_the_score_to_their_ends() -> None:
    one, two = quality_figure(POINTS, x_title="cost", y_title="score").data
    assert (list(one.error_y.array), list(one.error_y.arrayminus)) == ([2, 0], [1, 0])
    assert (one.error_y.visible, two.error_y.visible) == (True, False)
    assert one.marker.color != two.marker.color
    assert one.marker.symbol != two.marker.symbol


def test_names_stand_where_there_is_room() -> None:
    assert [stands_alone(point, POINTS) for point in POINTS] == [True, False, False]
    assert stands_alone(POINTS[0], POINTS[:1])
    one, _ = quality_figure(POINTS, x_title="cost", y_title="score").data
    assert list(one.text) == ["a", ""]
    assert [data[0] for data in one.customdata] == ["a", "b"]


def test_no_points_are_an_empty_figure() -> None:
    assert not quality_figure([], x_title="cost", y_title="score").data
