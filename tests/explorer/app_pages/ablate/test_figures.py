"""Figures of what a change does: numbers as they are, one for each name."""

import numpy as np
import pytest

from explorer.app_pages.ablate.figures import (
    LEAST,
    candidates_figure,
    pruning_figure,
    steps_figure,
    worth_figure,
)

BEFORE, AFTER = np.log([0.5, 0.25]), np.log([0.1, 0.9])


def test_steps_are_probabilities_with_their_change_on_hover() -> None:
    figure = steps_figure(["a", "a"], BEFORE, AFTER, np.array([0.2, 0.3]))
    assert [list(np.round(bar.y, 6)) for bar in figure.data] == [[0.5, 0.25], [0.1, 0.9]]
    assert "−1.61" in figure.data[0].customdata[0]
    assert list(figure.layout.xaxis.ticktext) == ["a", "a"]


def test_candidates_stand_on_a_logarithmic_axis_that_holds_all_of_them() -> None:
    figure = candidates_figure(["a", "b"], np.log([0.5, 1e-9]), np.log([0.1, 0.9]))
    line, before, after = figure.data
    assert list(before.x) == [0.5, LEAST]
    assert before.customdata[1][1] == pytest.approx(1e-9)
    assert list(np.round(after.x, 6)) == [0.1, 0.9]
    assert len(line.x) == 6
    low, high = figure.layout.xaxis.range
    assert low < np.log10(LEAST)
    assert high > 0


def test_names_and_numbers_must_fit() -> None:
    with pytest.raises(ValueError, match="1 names need as many numbers of each kind, not 2, 2"):
        candidates_figure(["a"], BEFORE, AFTER)


def test_the_first_curve_has_its_interval() -> None:
    shares, bleu = [0.0, 0.5], [30.0, 20.0]
    curve = (shares, bleu, [(29.0, 31.0), (18.0, 22.0)])
    figure = pruning_figure([("first", *curve), ("second", *curve)])
    high, low, first, second = figure.data
    assert list(high.y) == [31.0, 22.0]
    assert list(low.y) == [29.0, 18.0]
    assert list(first.y) == bleu
    assert (first.name, second.name) == ("first", "second")
    assert figure.layout.legend.traceorder == "normal"
    with pytest.raises(ValueError, match="at least one curve"):
        pruning_figure([])


def test_heads_stand_in_the_order_of_their_worth_whatever_their_kind() -> None:
    values = [-2.0, 0.0, -1.0, -3.0, -4.0, -5.0, -6.0, -7.0]
    first = (["a"] * 8, values, [(value - 1, value + 2) for value in values])
    figure = worth_figure([("one", *first), ("two", ["b"], [-9.5], [(-10.0, -9.0)])])
    one, two = figure.data
    assert list(one.x) == [7, 9, 8, 6, 5, 4, 3, 2]
    assert list(two.x) == [1]
    assert (one.error_y.array[3], one.error_y.arrayminus[3]) == (2, 1)
    assert two.customdata[0][:2] == ["b", "−9.50"]
    with pytest.raises(ValueError, match="at least one"):
        worth_figure([])
