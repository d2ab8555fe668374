"""What Inside attention shows is what the named head computed in the named row."""

import math
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.head_place import HeadPlace
from core.analysis.heads.measures import keys_of
from core.analysis.trace.head_internals import HeadInternals
from core.config import KINDS
from explorer.figures.axes import signed
from explorer.figures.colours import ROLES, share_scale
from explorer.figures.head import piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import loaded, traced
from tests.explorer.pages import PROMPT, Shelf, charts, shelf, subheaders
from tests.explorer.readings import assert_shown, frame, labels, numbers, read, said

__all__ = ["shelf"]

PLACES = [HeadPlace(kind, layer, head) for kind in KINDS for layer, head in ((0, 1), (1, 4))]
ROW = 3
"""From 0: neither the first nor, in the decoder, one that sees all keys."""


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "tiny", metrics=PROMPT)
    return shelf.root / "tiny"


def opened(shelf: Shelf, place: HeadPlace, row: int = ROW, **more: str) -> AppTest:
    asks = "row" if place.kind == "encoder" else "step"
    return shelf(
        "inside", text=SENTENCE, kind=place.kind, layer=str(place.layer_number),
        head=str(place.head_number), **{asks: str(row + 1)}, **more,
    )  # fmt: skip


def inside(folder: Path, place: HeadPlace) -> HeadInternals:
    return loaded(folder).inside(
        traced(folder), place.kind, layer=place.layer_number, head=place.head_number
    )


def softmax(scores: np.ndarray, visible: np.ndarray) -> np.ndarray:
    raised = np.where(visible, np.exp(scores), 0)
    return raised / raised.sum()  # type: ignore[no-any-return]


def entropy_nats(weights: np.ndarray) -> float:
    positive = weights[weights > 0]
    return float(-(positive * np.log(positive)).sum())


def keys(folder: Path, place: HeadPlace) -> list[str]:
    return piece_labels(piece.name for piece in keys_of(traced(folder), place.kind))


def shown_rows(folder: Path, place: HeadPlace) -> list[str]:
    trace = traced(folder)
    if place.kind == "encoder":
        return piece_labels(piece.name for piece in trace.source.pieces)
    consumed = piece_labels(piece.name for piece in trace.consumed)
    produced = piece_labels(piece.name for piece in trace.target.pieces)
    return [f"{one} → {other}" for one, other in zip(consumed, produced, strict=True)]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_the_walk_is_the_named_head_in_the_named_row(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    """q, K, output, α v, then the strips: products, scaled, masked, softmax."""
    page = opened(shelf, place)
    of = inside(folder, place)
    name = f"{place.name[0].lower()}{place.name[1:]}"
    assert f"Equation 1, {name}" in subheaders(page)
    walk = charts(page)[0]
    drawn = [numbers(data["z"]) for data in walk["data"]]
    visible, weights = of.visible[ROW], of.weights[ROW]
    scaled = of.products[ROW] / math.sqrt(7)
    lowest = -np.abs(scaled).max()
    for shown, expected in zip(
        drawn,
        (
            of.query[ROW][:, None],
            of.key.T,
            of.output[ROW][:, None],
            (weights[:, None] * of.value).T,
            of.products[ROW][None],
            scaled[None],
            np.where(visible, scaled, lowest)[None],
            weights[None],
        ),
        strict=True,
    ):
        assert_shown(shown, expected)
    assert labels(walk, "xaxis2") == keys(folder, place)


def test_each_part_of_the_walk_has_its_colours_around_its_own_zero(shelf: Shelf) -> None:
    walk = charts(opened(shelf, PLACES[-1]))[0]["data"]
    roles = ["query", "key", "attention", "value", *["attention"] * 3]
    for data, role in zip(walk, roles, strict=False):
        assert data["zmin"] == -data["zmax"]
        grey_to_colour = [[0.0, "#4d4d4d"], [0.5, "#f7f7f7"], [1.0, ROLES[role].mark]]
        assert data["colorscale"] == grey_to_colour
    assert (walk[7]["zmin"], walk[7]["zmax"]) == (0, 1)
    assert [tuple(stop) for stop in walk[7]["colorscale"]] == share_scale("attention")
    for one, other in ((0, 1), (2, 3)):  # q and K share a scale, and so do output and α v
        largest = max(np.abs(numbers(walk[n]["z"])).max() for n in (one, other))
        assert walk[one]["zmax"] == walk[other]["zmax"] == pytest.approx(largest)
    assert walk[4]["zmax"] == pytest.approx(np.abs(numbers(walk[4]["z"])).max())
    assert walk[5]["zmax"] == pytest.approx(np.abs(numbers(walk[5]["z"])).max())


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_the_two_softmaxes_are_with_the_division_and_without(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    page = opened(shelf, place)
    of = inside(folder, place)
    visible = of.visible[ROW]
    pair = (of.weights[ROW], softmax(of.products[ROW], visible))
    chart = charts(page)[1]
    for data, weights, name in zip(chart["data"], pair, ("with 1/√7", "without it"), strict=True):
        assert_shown(numbers(data["y"]), weights)
        assert name in data["hovertemplate"]
    titles = [note["text"] for note in chart["layout"]["annotations"]]
    assert titles == [
        f"with 1/√7: entropy {entropy_nats(pair[0]):.2f} nats",
        f"without it: entropy {entropy_nats(pair[1]):.2f} nats",
    ]
    assert (
        f"this row's largest weight would be {pair[1].max():.0%} instead of {pair[0].max():.0%}, "
        f"and its entropy {entropy_nats(pair[1]):.2f} nats instead of {entropy_nats(pair[0]):.2f} "
        f"(an even row over {visible.sum()} keys has {math.log(visible.sum()):.2f})" in said(page)
    )


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_the_story_is_of_this_row(shelf: Shelf, folder: Path, place: HeadPlace) -> None:
    page, of, trace = opened(shelf, place), inside(folder, place), traced(folder)
    products, visible, names = of.products[ROW], of.visible[ROW], keys(folder, place)
    top = int(np.where(visible, products, -np.inf).argmax())
    asking = trace.source.pieces if place.kind == "encoder" else trace.consumed
    asks = piece_labels(piece.name for piece in asking)[ROW]
    produced = piece_labels(piece.name for piece in trace.target.pieces)[ROW]
    opening = (
        "While the source is read, the"
        if place.kind == "encoder"
        else f"After “{asks}” the model produced “{produced}”. This head's"
    )
    seen = " among the keys it may look at" if place.kind == "decoder" else ""
    told = said(page)
    assert (
        f"{opening} :blue[**query**] of “{asks}” asks: its largest product{seen} is with the "
        f":red[**key**] of “{names[top]}” ({signed(products[top])}). So {of.weights[ROW][top]:.0%} "
        f"of this row's :violet[**attention**] goes there, and head {place.head_number} passes on"
        in told
    )
    low, high = int(products.argmin()), int(products.argmax())
    assert (
        f"from {signed(products[low])} (“{names[low]}”) to {signed(products[high])} "
        f"(“{names[high]}”)" in told
    )
    assert f"the largest is {signed(products[high] / math.sqrt(7))}." in told
    largest = np.argsort(of.weights[ROW])[::-1][:3]
    listed = ", ".join(f"“{names[key]}” {of.weights[ROW][key]:.0%}" for key in largest)
    assert f"Largest: {listed}." in told
    assert f"of length {np.linalg.norm(of.output[ROW]):.2f}" in told
    if place.kind == "decoder":
        n = len(names)
        assert f"{n - ROW - 1} of {n} keys belong to later steps" in told


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_the_table_holds_every_number_of_the_row(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    of, table = inside(folder, place), frame(opened(shelf, place), "q·k")
    weighted = of.weights[ROW][:, None] * of.value
    expected = {
        "q·k": of.products[ROW],
        "÷ √d_k": of.products[ROW] / math.sqrt(7),
        "weight α": of.weights[ROW],
        "weight without ÷ √d_k": softmax(of.products[ROW], of.visible[ROW]),
        "‖α v‖": np.linalg.norm(weighted, axis=1),
    }
    for column, values in expected.items():
        np.testing.assert_allclose(table[column], values, atol=5.1e-4)
    assert list(table["key"]) == keys(folder, place)
    assert list(table["may look"]) == ["yes" if may else "no" for may in of.visible[ROW]]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_rows_of_the_heads_lengths_are_called_by_their_pieces(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    norms = charts(opened(shelf, place))[2]
    of = inside(folder, place)
    assert labels(norms, "yaxis") == shown_rows(folder, place)
    assert labels(norms, "xaxis") == ["1", "2", "3", "4", "5"]
    assert_shown(numbers(norms["data"][0]["z"]), of.share_norms.T)
    shares = of.share_norms / of.share_norms.sum(0)
    assert_shown(numbers(norms["data"][0]["customdata"]), shares.T)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("row", [0, ROW])
def test_the_share_is_that_of_this_row_and_head(
    shelf: Shelf, folder: Path, place: HeadPlace, row: int
) -> None:
    norms = inside(folder, place).share_norms[:, row]
    shares = norms / norms.sum()
    first = int(shares.argmax())
    most = (
        "more than any other"
        if first == place.head
        else f"head {first + 1} most ({shares[first]:.0%})"
    )
    assert (
        f"head {place.head_number} brings {shares[place.head]:.0%} of the summed lengths of all 5 "
        f"heads, {most}." in said(opened(shelf, place, row))
    )


def test_a_changed_model_is_walked_as_it_is_changed(shelf: Shelf, folder: Path) -> None:
    """A change below this head moves its numbers; one of the head itself leaves its walk."""
    place = HeadPlace("cross", 1, 4)
    trace = traced(folder, "enc.L1=skip")
    page = opened(shelf, place, ablation="enc.L1=skip")
    shown = numbers(charts(page)[0]["data"][7]["z"])
    assert_shown(shown[0], place.of(trace.weights)[ROW])
    page = opened(shelf, place, ablation="cross.L2H5=0")
    assert "Head 5 is switched off here: it brings nothing to this row." in said(page)


def test_a_typed_word_is_said_to_be_the_readers(shelf: Shelf) -> None:
    page = opened(shelf, PLACES[-1], row=1, prefix="300.301")
    assert "your choice was" in said(page)
    assert "the model produced" in said(opened(shelf, PLACES[-1], row=2, prefix="300.301"))


def test_rows_to_choose_are_the_pieces_that_ask(shelf: Shelf, folder: Path) -> None:
    for place in PLACES[::2]:
        name = "choose_row" if place.kind == "encoder" else "choose_step"
        (box,) = (found for found in opened(shelf, place).selectbox if found.key == name)
        rows = shown_rows(folder, place)
        assert [read(o) for o in box.options] == [f"{n}: {row}" for n, row in enumerate(rows, 1)]
        assert box.value == ROW + 1
