"""How much each head adds, as a heat map: a click on a cell names its head and its row."""

import numpy as np
import pytest

from explorer.app_pages.inside.figures import clickable, head_norms_figure
from explorer.figures.head import MOST_CLICK_TARGETS


def test_heads_count_from_one_on_screen() -> None:
    figure = head_norms_figure(np.arange(6.0).reshape(3, 2), rows=["a", "b"], row_title="r")
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "3"]
    assert np.asarray(figure.data[0].z).tolist() == [[0, 2, 4], [1, 3, 5]]
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 5)


def test_there_is_a_label_a_row() -> None:
    with pytest.raises(ValueError, match="1 labels do not fit 2 rows"):
        head_norms_figure(np.ones((3, 2)), rows=["a"], row_title="r")


def test_of_very_many_rows_colours_are_left_without_numbers_and_gaps() -> None:
    many = [str(row) for row in range(300)]
    figure = head_norms_figure(np.ones((3, 300)), rows=many, row_title="r")
    few = head_norms_figure(np.ones((3, 9)), rows=many[:9], row_title="r")
    assert (len(figure.data), figure.data[0].ygap) == (1, 0)
    assert (len(few.data), few.data[0].ygap) == (2, 1)


def test_the_number_in_a_cell_is_its_length() -> None:
    norms = np.random.default_rng(2).random((3, 4)) * 9
    numbers = head_norms_figure(norms, rows=list("abcd"), row_title="r").data[1]
    for x, y, text in zip(numbers.x, numbers.y, numbers.text, strict=True):
        assert text == f"{norms[x, y]:.1f}"


def test_a_marked_row_and_head_are_framed() -> None:
    figure = head_norms_figure(np.ones((3, 2)), rows=["a", "b"], row_title="r", marked=(1, 2))
    row, head = figure.layout.shapes
    assert (row.y0, row.y1) == (head.y0, head.y1) == (0.5, 1.5)
    assert (head.x0, head.x1) == (1.5, 2.5)


@pytest.mark.parametrize("n_rows", [2, MOST_CLICK_TARGETS // 2])
def test_a_target_names_its_head_with_its_length_and_share(n_rows: int) -> None:
    norms = np.random.default_rng(1).random((3, n_rows)) + 0.1
    rows = [str(row) for row in range(n_rows)]
    figure = clickable(head_norms_figure(norms, rows=rows, row_title="r"), norms)
    targets = figure.data[-1]
    assert len(targets.y) == (6 if n_rows == 2 else n_rows)
    for row, left, (head, length, share) in zip(
        targets.y, targets.base, targets.customdata, strict=True
    ):
        assert left + 0.5 == int(head) - 1
        assert length == pytest.approx(norms[int(head) - 1, row], abs=1e-4)
        assert share == pytest.approx(norms[int(head) - 1, row] / norms[:, row].sum())
    assert "head %{customdata[0]}: length <b>%{customdata[1]:.2f}</b>, %{customdata[2]:.0%}" in (
        targets.hovertemplate
    )
