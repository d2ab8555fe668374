"""What Inside attention shows is what the named head computed in the named row."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.head_place import HeadPlace
from core.analysis.heads.measures import keys_of
from core.analysis.trace.head_internals import HeadInternals
from core.config import KINDS
from explorer.components.equation import component as equation
from explorer.figures.axes import signed
from explorer.figures.head import piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import loaded, traced
from tests.explorer.pages import PROMPT, Shelf, charts, shelf
from tests.explorer.readings import (
    Equation,
    assert_shown,
    components,
    equation_of,
    frame,
    labels,
    numbers,
    read,
    said,
)

__all__ = ["shelf"]

PLACES = [HeadPlace(kind, layer, head) for kind in KINDS for layer, head in ((0, 1), (1, 4))]
ROW = 3
"""From 0: neither the first nor, in the decoder, one that sees all keys."""
SIDES = {"encoder": ("source", "source"), "decoder": ("target", "target"),
         "cross": ("target", "source")}  # fmt: skip


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


def drawn(page: AppTest) -> Equation:
    (data,) = components(page, "equation_in_motion")
    return equation_of(data)


def inside(folder: Path, place: HeadPlace, ablation: str = "") -> HeadInternals:
    return loaded(folder).inside(
        traced(folder, ablation), place.kind, layer=place.layer_number, head=place.head_number
    )


def softmax(scores: np.ndarray, visible: np.ndarray) -> np.ndarray:
    raised = np.where(visible, np.exp(scores), 0)
    return raised / raised.sum()  # type: ignore[no-any-return]


def entropy_nats(weights: np.ndarray) -> float:
    positive = weights[weights > 0]
    return float(-(positive * np.log(positive)).sum())


def percent(share: float) -> str:
    return "< 1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def keys(folder: Path, place: HeadPlace) -> list[str]:
    return piece_labels(piece.name for piece in keys_of(traced(folder), place.kind))


def text(parts: list[Any]) -> str:
    return read("".join(part if isinstance(part, str) else part[1] for part in parts))


def captions(page: AppTest, row: int = ROW) -> list[str]:
    return [text(stage) for stage in drawn(page).texts(row)["stages"]]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_every_row_has_the_numbers_that_the_named_head_computed(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    found, of = drawn(opened(shelf, place)), inside(folder, place)
    assert found.meta["title"] == place.name
    assert found.meta["sent"] == list(range(1, len(of.query) + 1))
    assert_shown(found.query, of.query)
    assert_shown(found.keys, of.key)
    assert_shown(found.values, of.value)
    assert_shown(found.products, of.products)
    assert_shown(found.products / math.sqrt(7), of.scores)
    assert_shown(found.weights, of.weights)
    assert_shown(found.weights @ found.values, of.output)
    assert np.array_equal(found.visible, of.visible)
    assert found.meta["limits"] == {
        "query": pytest.approx(np.abs(of.query).max()),
        "key": pytest.approx(np.abs(of.key).max()),
    }


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_colours_of_weighted_values_end_at_the_rows_largest(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    found, of = drawn(opened(shelf, place)), inside(folder, place)
    for row, weights in enumerate(of.weights):
        weighted = weights[:, None] * of.value
        largest = max(np.abs(weighted).max(), np.abs(of.output[row]).max())
        assert found.texts(row)["limit"] == pytest.approx(largest, rel=1e-5)


@pytest.mark.parametrize("place", PLACES[::2], ids=lambda place: place.label)
def test_queries_and_keys_are_named_and_know_their_words(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    meta, trace = drawn(opened(shelf, place)).meta, traced(folder)
    words = [piece.word for piece in keys_of(trace, place.kind)]
    assert meta["keys"] == [list(pair) for pair in zip(keys(folder, place), words, strict=True)]
    assert tuple(meta["sides"]) == SIDES[place.kind]
    assert meta["view"] == {"row": ROW + 1, "stage": 6}
    produced = piece_labels(piece.name for piece in trace.target.pieces)
    if place.kind == "encoder":
        expected = [[label, None, word] for label, word in meta["keys"]]
    else:
        consumed = piece_labels(piece.name for piece in trace.consumed)
        expected = [
            [asks, writes, piece.word]
            for asks, writes, piece in zip(consumed, produced, trace.target.pieces, strict=True)
        ]
    assert meta["queries"] == expected


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_the_division_is_compared_with_none(shelf: Shelf, folder: Path, place: HeadPlace) -> None:
    page, of = opened(shelf, place), inside(folder, place)
    visible = of.visible[ROW]
    pair = (of.weights[ROW], softmax(of.products[ROW], visible))
    share, other = (percent(float(weights.max())) for weights in pair)
    would = f"still be {share}" if share == other else f"be {other} instead of {share}"
    expected = (
        f"Without the division, this row’s largest weight would {would}, and its entropy "
        f"{entropy_nats(pair[1]):.2f} nats instead of {entropy_nats(pair[0]):.2f} (even weights on "
        f"{visible.sum()} keys have {math.log(visible.sum()):.2f})."
    )
    assert expected in said(page)
    assert drawn(page).texts(ROW)["without_scale"] == expected


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("row", [1, ROW])
def test_what_is_said_is_of_its_row(shelf: Shelf, folder: Path, place: HeadPlace, row: int) -> None:
    page, of, trace = opened(shelf, place), inside(folder, place), traced(folder)
    products, visible, names = of.products[row], of.visible[row], keys(folder, place)
    top = int(np.where(visible, products, -np.inf).argmax())
    asking = trace.source.pieces if place.kind == "encoder" else trace.consumed
    asks = piece_labels(piece.name for piece in asking)[row]
    produced = piece_labels(piece.name for piece in trace.target.pieces)[row]
    opening = (
        "While the source is read, the"
        if place.kind == "encoder"
        else f"After “{asks}” the model wrote “{produced}”. In this head, the"
    )
    seen = " of the keys that it may attend to" if place.kind == "decoder" else ""
    assert text(drawn(page).texts(row)["story"]) == (
        f"{opening} query of “{asks}” has its largest product{seen} with the key of "
        f"“{names[top]}” ({signed(products[top])}). So “{names[top]}” gets "
        f"{percent(of.weights[row][top])} of this row’s attention, and head {place.head_number} "
        "passes on that much of its value."
    )
    vectors, multiplied, scaled, masked, softmaxed, output = captions(page, row)
    low, high = int(products.argmin()), int(products.argmax())
    assert f"the keys of {len(names)} tokens" in vectors
    assert "Each is 7 numbers." in vectors
    assert (
        f"The 7 products add up to one number per key, here from {signed(products[low])} "
        f"(“{names[low]}”) to {signed(products[high])} (“{names[high]}”)." in multiplied
    )
    assert (
        f"Divided by √7 = 2.65, the largest is {signed(products[high] / math.sqrt(7))}." in scaled
    )
    largest = np.argsort(of.weights[row])[::-1][:3]
    listed = ", ".join(
        f"“{names[key]}” {percent(of.weights[row][key])}"
        for key in largest
        if of.weights[row][key] > 0
    )
    assert f"Largest: {listed}." in softmaxed
    assert (
        "3 numbers, is multiplied by its weight α. Their sum is the head’s output, of length "
        in output
    )
    assert f"{np.linalg.norm(of.output[row]):.2f}." in output
    if place.kind == "decoder":
        n = len(names)
        assert masked.startswith(f"{n - row - 1} of {n} tokens are not written yet")
        assert "masked" not in scaled
    else:
        assert scaled.endswith(masked)
        assert masked.startswith("Nothing is masked here")


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
    *_, norms = charts(opened(shelf, place))
    of = inside(folder, place)
    rows = [
        label if produces is None else f"{label} → {produces}"
        for label, produces, _ in drawn(opened(shelf, place)).meta["queries"]
    ]
    assert labels(norms, "yaxis") == rows
    assert labels(norms, "xaxis") == ["1", "2", "3", "4", "5"]
    assert_shown(numbers(norms["data"][0]["z"]), of.share_norms.T)
    shares = of.share_norms / of.share_norms.sum(0)
    assert_shown(numbers(norms["data"][0]["customdata"]), shares.T)
    row, head = norms["layout"]["shapes"]
    assert row["y0"] == head["y0"] == ROW - 0.5
    assert head["x0"] == place.head - 0.5


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
        else f"head {first + 1} most ({percent(shares[first])})"
    )
    assert (
        f"head {place.head_number} adds {percent(shares[place.head])} of the summed lengths of all "
        f"5 heads, {most}." in said(opened(shelf, place, row))
    )


def test_a_changed_model_is_walked_as_it_is_changed(shelf: Shelf, folder: Path) -> None:
    """A change below this head moves its numbers."""
    place = HeadPlace("cross", 1, 4)
    trace = traced(folder, "enc.L1=skip")
    page = opened(shelf, place, ablation="enc.L1=skip")
    assert_shown(drawn(page).weights, place.of(trace.weights))
    assert not np.allclose(drawn(page).keys, inside(folder, place).key)
    assert drawn(page).texts(ROW)["caveat"] == ""


def test_of_replaced_weights_the_head_shows_what_it_would_compute(
    shelf: Shelf, folder: Path
) -> None:
    place = HeadPlace("cross", 1, 4)
    page = opened(shelf, place, ablation="cross.L2H5=uniform")
    found = drawn(page)
    assert_shown(found.products, found.query @ found.keys.T)
    expected = [
        softmax(row / math.sqrt(7), visible)
        for row, visible in zip(found.products, found.visible, strict=True)
    ]
    assert_shown(found.weights, np.array(expected))
    assert np.ptp(found.weights[ROW]) > 0.001  # the model's own are even
    for row in range(len(found.query)):
        assert "would compute otherwise" in found.texts(row)["caveat"]


def test_a_head_that_is_switched_off_adds_nothing(shelf: Shelf) -> None:
    page = opened(shelf, HeadPlace("cross", 1, 4), ablation="cross.L2H5=0")
    assert "Head 5 is switched off here: it adds nothing to this row." in said(page)


def test_a_row_made_to_attend_to_one_key_is_said_in_that_row_alone(shelf: Shelf) -> None:
    page = opened(shelf, HeadPlace("cross", 1, 4), ablation="cross.L2H5.row4=k2")
    caveats = [each["caveat"] for each in drawn(page).meta["texts"]]
    assert [row for row, said in enumerate(caveats) if said] == [3]


def test_a_typed_word_is_said_to_be_the_readers(shelf: Shelf) -> None:
    found = drawn(opened(shelf, PLACES[-1], row=1, prefix="300.301"))
    told = [text(each["story"]) for each in found.meta["texts"]]
    assert ["your choice was" in each for each in told[:3]] == [True, True, False]
    assert "the model wrote" in told[2]


@pytest.mark.parametrize("place", PLACES[::2], ids=lambda place: place.label)
def test_of_a_long_text_the_chosen_row_alone_is_sent(
    shelf: Shelf, folder: Path, place: HeadPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equation, "MOST_BYTES", 100)
    asks = "row" if place.kind == "encoder" else "step"
    page = shelf.own(
        "inside", text=SENTENCE, kind=place.kind, layer=str(place.layer_number),
        head=str(place.head_number), **{asks: str(ROW + 1)},
    )  # fmt: skip
    found, of = drawn(page), inside(folder, place)
    assert found.meta["sent"] == [ROW + 1]
    assert found.meta["can_ask"]
    assert len(found.meta["queries"]) == len(of.query)
    assert_shown(found.query, of.query[[ROW]])
    assert_shown(found.keys, of.key)
    assert_shown(found.weights, of.weights[[ROW]])
    whole = drawn(opened(shelf, place))
    assert found.meta["texts"] == [whole.texts(ROW)]
    assert found.meta["head"] == whole.meta["head"]
