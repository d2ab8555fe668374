"""Figures of second attempts: the lines that say what counts as right."""

import numpy as np

from explorer.app_pages.second_attempt.figures import rewards_figure


def test_both_attempts_have_the_line_above_which_they_are_right() -> None:
    figure = rewards_figure(np.array([0.1, 0.9]), np.array([0.4, 0.8]), 0.7, "chrF")
    lines = [(shape.x0, shape.y0, shape.x1, shape.y1) for shape in figure.layout.shapes]
    assert (0.7, 0, 0.7, 1) in lines  # of the first attempt, over the height
    assert (0, 0.7, 1, 0.7) in lines
    assert (0, 0, 1, 1) in lines  # as good as before
    (points,) = figure.data
    assert list(zip(points.x, points.y, strict=True)) == [(0.1, 0.4), (0.9, 0.8)]
