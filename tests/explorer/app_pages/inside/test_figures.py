"""Equation 1 in pictures: what they show is what the walk says."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from core.analysis.heads.measures import entropy_nats
from core.analysis.heads.walk import Walk, walk
from explorer.app_pages.inside.figures import (
    head_norms_figure,
    most_entropy_nats,
    softmax_figure,
    walk_figure,
)

N, D_K, D_V = 5, 7, 11
LABELS = ["a", "b", "a", "&lt;s&gt;", "c"]
RANDOM = np.random.default_rng(1)
QUERY, KEYS, VALUES = (RANDOM.normal(size=shape) for shape in (D_K, (N, D_K), (N, D_V)))
VISIBLE = np.array([True, True, False, True, True])


def walked() -> Walk:
    return walk(QUERY, KEYS, VALUES, VISIBLE)


def test_the_most_entropy_counts_visible_keys() -> None:
    assert most_entropy_nats(walked()) == pytest.approx(math.log(4))


def test_the_picture_holds_every_stage() -> None:
    figure = walk_figure(walked(), keys=LABELS)
    q, keys, output, weighted, *strips = (np.asarray(trace.z) for trace in figure.data)
    assert np.array_equal(q[:, 0], QUERY)
    assert np.array_equal(keys.T, KEYS)
    assert_allclose(weighted.sum(axis=1), output[:, 0])
    products, scaled, masked, weights = (strip[0] for strip in strips)
    assert np.array_equal(products, walked().products)
    assert np.array_equal(scaled, walked().scaled)
    assert np.array_equal(masked[VISIBLE], walked().scaled[VISIBLE])
    assert (masked[~VISIBLE] == np.abs(walked().scaled).max() * -1).all()
    assert np.array_equal(weights, walked().weights)


def test_a_hidden_key_reads_minus_infinity() -> None:
    mask, weights = walk_figure(walked(), keys=LABELS).data[-2:]
    assert [text == "−∞" for text in mask.text[0]] == (~VISIBLE).tolist()
    assert weights.text[0][2] == "0.00"


def test_columns_are_positions_so_equal_keys_stay_apart() -> None:
    axis = walk_figure(walked(), keys=LABELS).layout.xaxis2
    assert list(axis.tickvals) == list(range(N))
    assert list(axis.ticktext) == LABELS


def test_both_softmaxes_share_a_scale_and_name_their_entropy() -> None:
    figure = softmax_figure(walked(), keys=LABELS)
    titles = [annotation.text for annotation in figure.layout.annotations]
    assert titles == [
        f"with 1/√{D_K}: entropy {entropy_nats(walked().weights):.2f} nats",
        f"without it: entropy {entropy_nats(walked().weights_unscaled):.2f} nats",
    ]
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range == (0, 1.15)


def test_heads_count_from_one_on_screen() -> None:
    figure = head_norms_figure(np.arange(6.0).reshape(3, 2), rows=["a", "b"], row_title="r")
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "3"]
    assert np.asarray(figure.data[0].z).tolist() == [[0, 2, 4], [1, 3, 5]]
    assert (figure.data[0].zmin, figure.data[0].zmax) == (0, 5)


@pytest.mark.parametrize("draw", [walk_figure, softmax_figure])
def test_there_is_a_label_a_key(draw) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="4 labels do not fit 5"):
        draw(walked(), keys=LABELS[1:])


def test_of_very_many_rows_colours_are_left_without_numbers_and_gaps() -> None:
    many = [str(row) for row in range(300)]
    figure = head_norms_figure(np.ones((3, 300)), rows=many, row_title="r")
    few = head_norms_figure(np.ones((3, 9)), rows=many[:9], row_title="r")
    assert (figure.data[0].texttemplate, figure.data[0].ygap) == (None, 0)
    assert (few.data[0].texttemplate, few.data[0].ygap) == ("%{z:.1f}", 1)


def test_a_marked_row_and_head_are_framed() -> None:
    figure = head_norms_figure(np.ones((3, 2)), rows=["a", "b"], row_title="r", marked=(1, 2))
    row, head = figure.layout.shapes
    assert (row.y0, row.y1) == (head.y0, head.y1) == (0.5, 1.5)
    assert (head.x0, head.x1) == (1.5, 2.5)
