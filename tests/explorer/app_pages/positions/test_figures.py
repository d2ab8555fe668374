"""Pictures of positions, and the laws of section 3.5 that they show."""

import numpy as np
import pytest

from core.analysis.positions import (
    pair_dimensions,
    shift_map,
)
from core.model.embedding import sinusoids
from explorer.app_pages.positions.figures import (
    compare_tables_figure,
    curves_figure,
    distance_figure,
    dot_products_figure,
    sinusoid_names,
    table_figure,
)
from explorer.app_pages.positions.shift_figures import (
    MOST_PAIRS,
    shift_map_figure,
    shifted_row_figure,
)

N, D = 53, 26
LEARNED = np.random.default_rng(1).normal(size=(N, D)) * D**-0.5


def table(*, halves: bool = False) -> np.ndarray:
    return sinusoids(N, D, halves=halves).numpy()


def test_curves_are_columns_of_the_table() -> None:
    figure = curves_figure(table(), dimensions=[0, 5], names=sinusoid_names(D, [0, 5]))
    assert np.array_equal(np.asarray(figure.data[1].y, np.float32), table()[:, 5])


@pytest.mark.parametrize("halves", [False, True])
def test_names_say_what_a_dimension_is(halves: bool) -> None:
    names = sinusoid_names(D, range(D), halves=halves)
    for dimension, name in enumerate(names):
        kind = "sin" if table(halves=halves)[0, dimension] == 0 else "cos"
        assert name.startswith(f"{dimension}: {kind}, repeats after ")
    assert names[0] == "0: sin, repeats after 6.3"


def test_many_curves_never_look_the_same() -> None:
    figure = curves_figure(table(), dimensions=range(17), names=sinusoid_names(D, range(17)))
    assert len({(trace.line.color, trace.line.dash) for trace in figure.data}) == 17


def test_the_table_is_drawn_downwards_around_zero() -> None:
    figure = table_figure(table())
    assert np.array_equal(np.asarray(figure.data[0].z, np.float32), table())
    assert figure.layout.yaxis.autorange == "reversed"
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-1, 1)


def test_the_matrix_of_dot_products_is_symmetric_around_zero() -> None:
    trace = dot_products_figure(table()).data[0]
    assert np.allclose(trace.z, np.transpose(trace.z))
    assert trace.zmax == -trace.zmin == pytest.approx(D / 2, abs=1e-5)


def test_the_band_holds_the_mean() -> None:
    lowest, highest, mean = (np.asarray(t.y) for t in distance_figure(LEARNED).data)
    assert (lowest <= mean).all()
    assert (mean <= highest).all()


def test_the_moved_row_lies_on_the_real_one() -> None:
    _, real, moved = (row.y for row in shifted_row_figure(table(), k=7, position=11).data)
    assert np.allclose(real, table()[18], rtol=0, atol=1e-7)
    assert np.allclose(moved, real, rtol=0, atol=3e-7)


def test_a_row_beyond_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match=f"position=50 and k=7 leave the table of {N}"):
        shifted_row_figure(table(), k=7, position=50)


@pytest.mark.parametrize("halves", [False, True])
def test_the_drawn_part_of_the_map_has_the_fastest_pairs_whole(halves: bool) -> None:
    figure = shift_map_figure(D, 7, halves=halves)
    names = [int(label) for label in figure.layout.xaxis.ticktext]
    pairs = zip(*pair_dimensions(D, halves=halves), strict=True)
    fastest = {dimension for pair in list(pairs)[:MOST_PAIRS] for dimension in pair}
    assert names == sorted(fastest)
    assert np.allclose(figure.data[0].z, shift_map(D, 7, halves=halves)[np.ix_(names, names)])
    assert np.allclose(np.square(figure.data[0].z).sum(1), 1)  # no part of a pair is cut off


WORDS = ["The", "&lt;s&gt;", "The"]


def test_words_name_the_axis_where_each_position_has_one() -> None:
    figure = table_figure(table()[:3], words=WORDS)
    assert list(figure.layout.yaxis.ticktext) == ["0 The", "1 &lt;s&gt;", "2 The"]
    assert list(figure.layout.yaxis.tickvals) == [0, 1, 2]
    assert not figure.layout.shapes
    products = dot_products_figure(table()[:3], words=WORDS)
    assert products.layout.xaxis.ticktext == products.layout.yaxis.ticktext


def test_of_many_words_every_second_is_written() -> None:
    figure = table_figure(table(), words=["word"] * N)
    assert list(figure.layout.yaxis.tickvals) == list(range(0, N, 2))
    assert figure.layout.yaxis.ticktext[1] == "2 word"


def test_a_sentence_is_framed_where_the_table_goes_on() -> None:
    names = sinusoid_names(D, [0])
    for figure in (
        curves_figure(table(), dimensions=[0], names=names, words=WORDS),
        table_figure(table(), words=WORDS),
        dot_products_figure(table(), words=WORDS),
    ):
        frame = figure.layout.shapes[0]
        assert 2.5 in (frame.x1, frame.y1)


def test_pointing_at_a_curve_names_the_word() -> None:
    figure = curves_figure(table(), dimensions=[0], names=sinusoid_names(D, [0]), words=WORDS)
    assert figure.data[0].text[:4] == ("0 The", "1 &lt;s&gt;", "2 The", "3")


def test_both_tables_share_their_scales() -> None:
    figure = compare_tables_figure(LEARNED, table())
    values, cosine = figure.data[0::2], figure.data[1::2]
    for pair in (values, cosine):
        assert len({(trace.zmin, trace.zmax) for trace in pair}) == 1
    assert figure.data[0].zmax == pytest.approx(max(np.abs(LEARNED).max(), 1))


def test_tables_of_two_shapes_are_not_compared() -> None:
    with pytest.raises(ValueError, match=r"\(53, 26\) and \(52, 26\)"):
        compare_tables_figure(LEARNED, table()[:-1])
