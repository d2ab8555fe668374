"""What Heads shows is what the model did: tiles, tints, ranking, one head in every drawing."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.head_place import HeadPlace
from core.analysis.heads.measures import MEASURES, keys_of
from core.analysis.trace.trace import Trace
from core.config import KINDS, Kind
from explorer.figures.axes import signed
from explorer.figures.colours import ROLES, effect_colour, ink_on, measure_colour
from explorer.figures.head import piece_labels
from explorer.head.matrix import attention
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import traced
from tests.explorer.pages import LATE, PROMPT, Shelf, charts, plot, shelf, subheaders
from tests.explorer.readings import (
    Numbers,
    assert_levels,
    assert_shown,
    components,
    first_map,
    frame,
    heat_maps,
    labels,
    read,
    said,
    tiles,
    unpacked,
)

__all__ = ["shelf"]

PLACES = [HeadPlace(kind, layer, head) for kind in KINDS for layer, head in ((0, 1), (1, 4))]


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "late", metrics=LATE)
    write_checkpoint(shelf.root / "prompt", metrics=PROMPT)
    return shelf.root / "prompt"


def opened(shelf: Shelf, place: HeadPlace, **more: str) -> AppTest:
    return shelf(
        "heads", text=SENTENCE, model="prompt", kind=place.kind, layer=str(place.layer_number),
        head=str(place.head_number), **more,
    )  # fmt: skip


def rows_of(trace: Trace, kind: Kind) -> list[str]:
    """What the rows of a kind are called: consumed and produced."""
    if kind == "encoder":
        return piece_labels(piece.name for piece in trace.source.pieces)
    consumed = piece_labels(piece.name for piece in trace.consumed)
    produced = piece_labels(piece.name for piece in trace.target.pieces)
    return [f"{one} → {other}" for one, other in zip(consumed, produced, strict=True)]


def columns_of(trace: Trace, kind: Kind) -> list[str]:
    return piece_labels(piece.name for piece in keys_of(trace, kind))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_every_tile_is_the_head_of_its_place(shelf: Shelf, folder: Path, place: HeadPlace) -> None:
    (data,) = components(opened(shelf, place), "attention_overview")
    meta, levels = tiles(data)
    assert_levels(levels, traced(folder).weights[place.kind])
    words = traced(folder).source.pieces if place.kind == "encoder" else traced(folder).steps
    assert [len(meta["hover"][axis]["words"]) for axis in ("rows", "columns")] == [
        len(words), len(columns_of(traced(folder), place.kind))
    ]  # fmt: skip
    assert meta["chosen"] == [place.layer_number, place.head_number]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_and_columns_are_called_by_their_pieces(
    shelf: Shelf, folder: Path, kind: Kind
) -> None:
    chart = plot(opened(shelf, HeadPlace(kind, 0, 1)))
    trace = traced(folder)
    assert labels(chart, "yaxis") == rows_of(trace, kind)
    assert labels(chart, "xaxis") == columns_of(trace, kind)


def rollout(trace: Trace, kind: Kind, layer: int) -> Numbers:
    """Rollout written out: every sub-layer half its residual connection, half its attention."""
    means = {of: trace.weights[of].mean(1, dtype=np.float64) for of in KINDS}
    n_source, n_steps = len(trace.source.pieces), len(trace.steps)
    encoder = np.eye(n_source)
    for number, mean in enumerate(means["encoder"]):
        encoder = (encoder + mean @ encoder) / 2
        if kind == "encoder" and number == layer:
            return encoder
    source, target = np.zeros((n_steps, n_source)), np.eye(n_steps)
    for number in range(layer + 1):
        own, cross = means["decoder"][number], means["cross"][number]
        source, target = (source + own @ source) / 2, (target + own @ target) / 2
        source, target = (source + cross @ encoder) / 2, target / 2
    return source if kind == "cross" else target


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_a_rollout_is_that_of_its_layer(shelf: Shelf, folder: Path, place: HeadPlace) -> None:
    page = opened(shelf, place, values="rollout")
    assert f"rollout up to layer {place.layer_number}" in subheaders(page)
    (shown,) = heat_maps(page)
    assert_shown(shown, rollout(traced(folder), place.kind, place.layer))


@pytest.mark.parametrize("kind", KINDS)
def test_a_rollout_has_the_columns_of_its_kind_alone(folder: Path, kind: Kind) -> None:
    trace = traced(folder)
    n_layers, _, *shape = trace.weights[kind].shape
    assert attention(trace, kind, "rollout").shape == (n_layers, 1, *shape)


def norms(trace: Trace, kind: Kind) -> Numbers:
    return trace.weights[kind] * trace.value_norms[kind][:, :, None, :]  # type: ignore[no-any-return]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_norms_share_the_scale_of_their_layer_and_weights_that_of_all(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    of_layer = norms(traced(folder), place.kind)[place.layer]
    drawn = plot(opened(shelf, place, values="norms"))["data"][0]
    assert drawn["zmin"] == 0
    assert drawn["zmax"] == pytest.approx(of_layer.max())
    assert plot(opened(shelf, place))["data"][0]["zmax"] == 1


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_the_row_of_the_link_is_framed(shelf: Shelf, place: HeadPlace) -> None:
    asks, other = ("row", "step") if place.kind == "encoder" else ("step", "row")
    frame = plot(opened(shelf, place, **{asks: "3", other: "5"}))["layout"]["shapes"][0]
    assert (frame["y0"], frame["y1"]) == (1.5, 2.5)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
def test_the_table_says_the_largest_weights_and_between_what(
    shelf: Shelf, folder: Path, place: HeadPlace
) -> None:
    trace = traced(folder)
    weights = place.of(trace.weights)
    shown = frame(opened(shelf, place), "weight")
    rows, columns = rows_of(trace, place.kind), columns_of(trace, place.kind)
    strongest = np.argsort(weights, axis=None)[::-1][: len(shown)]
    expected = [divmod(int(flat), len(columns)) for flat in strongest]
    assert [tuple(line) for line in shown.itertuples(index=False)] == [
        (rows[row], columns[column], pytest.approx(weights[row, column], abs=5.1e-4))
        for row, column in expected
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_words_sum_over_keys_and_average_over_queries(
    shelf: Shelf, folder: Path, kind: Kind
) -> None:
    place = HeadPlace(kind, 1, 4)
    trace = traced(folder)
    asking = trace.source.pieces if kind == "encoder" else trace.target.pieces
    weights = place.of(trace.weights)
    by_row = np.stack([weights[group].mean(0) for group in by_word(asking)])
    expected = np.stack([by_row[:, g].sum(1) for g in by_word(keys_of(trace, kind))], axis=1)
    page = opened(shelf, place, units="words")
    (shown,) = heat_maps(page)
    assert_shown(shown, expected)
    if kind != "decoder":
        assert labels(plot(page), "xaxis") == [*(w.text for w in trace.source.words), "</s>"]


def by_word(pieces: Any) -> list[list[int]]:
    """Indices of the pieces of each word; a special piece stands alone."""
    groups: list[list[int]] = []
    for index, piece in enumerate(pieces):
        if index and piece.word >= 0 and pieces[index - 1].word == piece.word:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_is_what_was_chosen(shelf: Shelf, folder: Path, kind: Kind) -> None:
    place = HeadPlace(kind, 1, 4)
    trace = traced(folder)
    weights = place.of(trace.weights)
    is_special = np.array([piece.kind == "special" for piece in keys_of(trace, kind)])
    page = opened(shelf, place, specials="0", threshold="0.1")
    (shown,) = heat_maps(page)
    whole = weights[:, ~is_special]
    assert_shown(shown, np.where(whole >= 0.1, whole, 0))
    assert 0 < (shown == 0).mean() < 1
    on_special = weights[:, is_special].sum(1)
    most = int(on_special.argmax())
    assert (
        f"{on_special.mean():.0%} of the weight goes to the start and end marks (hidden), "
        f"most in the row “{rows_of(trace, kind)[most]}” ({on_special[most]:.0%})" in said(page)
    )


def test_a_number_at_the_threshold_is_drawn(shelf: Shelf, folder: Path) -> None:
    """The first decoder row has one key: its weight is 1."""
    (shown,) = heat_maps(opened(shelf, HeadPlace("decoder", 0, 1), threshold="1.0"))
    assert shown[0, 0] == 1
    assert shown.sum() == 1


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("values", ["weights", "norms"])
def test_lines_are_the_head_that_is_named_or_all_of_its_layer(
    shelf: Shelf, folder: Path, place: HeadPlace, values: str
) -> None:
    trace = traced(folder)
    of_layer = trace.weights[place.kind][place.layer]
    if values == "norms":
        of_layer = (
            norms(trace, place.kind)[place.layer] / norms(trace, place.kind)[place.layer].max()
        )
    for together, expected, names in (
        ("0", of_layer[[place.head]], [f"Head {place.head_number}"]),
        ("1", of_layer, [f"Head {number}" for number in range(1, 6)]),
    ):
        page = opened(shelf, place, drawing="lines", together=together, values=values)
        (data,) = components(page, "attention_lines")
        meta, sent = unpacked(data)
        shown = np.frombuffer(sent, "<u2").reshape(expected.shape) / 65_535
        np.testing.assert_allclose(shown, expected, rtol=0, atol=1.6e-5)
        assert meta["heads"] == names
        assert meta["rows"] == rows_of(trace, place.kind)
        assert meta["columns"] == columns_of(trace, place.kind)
        named = "all heads" if together == "1" else f"head {place.head_number}"
        assert f"layer {place.layer_number}, {named}" in subheaders(page)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("kind", KINDS)
def test_heads_are_tinted_by_their_own_measure(
    shelf: Shelf, folder: Path, kind: Kind, measure: str
) -> None:
    page = opened(shelf, HeadPlace(kind, 1, 4), measure=measure)
    of_heads = MEASURES[measure].function(traced(folder), kind, None)
    tint = tiles(components(page, "attention_overview")[0])[0]["tint"]
    assert tint["title"] == MEASURES[measure].title
    assert tint["labels"] == [signed(float(value)) for value in of_heads.flat]
    low, high = of_heads.min(), of_heads.max()
    shares = (of_heads - low) / (high - low)
    assert tint["colours"] == [measure_colour(float(share)) for share in shares.flat]
    assert tint["inks"] == [ink_on(colour) for colour in tint["colours"]]
    of = MEASURES[measure]
    assert (
        f"{of.title}, in {of.units[kind]}. Blue, low: {of.low}. Yellow, high: {of.high}."
        in said(page)
    )
    (red, _, blue), (red_high, _, blue_high) = (
        [int(n) for n in re.findall(r"\d+", tint["colours"][int(at)])]
        for at in (of_heads.argmin(), of_heads.argmax())
    )
    assert blue > red
    assert red_high > blue_high


@pytest.mark.parametrize("kind", KINDS)
def test_heads_are_tinted_by_what_switching_them_off_changes(
    shelf: Shelf, folder: Path, kind: Kind
) -> None:
    """Each head switched off by itself, the first translation forced again."""
    page = opened(shelf, HeadPlace(kind, 1, 4), measure="effect")
    before = traced(folder)
    tint = tiles(components(page, "attention_overview")[0])[0]["tint"]
    ends = re.search(r"Colours end at (\S+) and (\S+),", said(page))
    assert ends
    limit = float(ends[2])
    assert ends[1] == signed(-limit)
    pieces = tuple(piece.id for piece in before.target.pieces)
    shape = before.weights[kind].shape[:2]
    for layer, head in ((0, 1), (1, 4), (1, 0)):
        place = HeadPlace(kind, layer, head)
        forced = traced(folder, f"{place.label}=0", pieces)
        change = forced.best.log_probability_nats - before.best.log_probability_nats
        at = layer * shape[1] + head
        assert float(tint["labels"][at].replace("−", "-")) == pytest.approx(change, abs=0.0051)
        colour = [int(n) for n in re.findall(r"\d+", tint["colours"][at])]
        expected = [int(n) for n in re.findall(r"\d+", effect_colour(change / limit)[0])]
        assert np.abs(np.subtract(colour, expected)).max() <= 3
        assert (colour[0] > colour[2]) == (change < 0)
    assert len(tint["labels"]) == shape[0] * shape[1]
    assert "Red: it falls, the head was needed. Blue: it rises, the head was in the way." in said(
        page
    )


def test_colours_of_an_effect_end_at_the_largest_of_all_three_kinds(shelf: Shelf) -> None:
    said_limits, largest = set(), 0.0
    for kind in KINDS:
        page = opened(shelf, HeadPlace(kind, 1, 4), measure="effect")
        tint = tiles(components(page, "attention_overview")[0])[0]["tint"]
        numbers = [abs(float(label.replace("−", "-"))) for label in tint["labels"]]
        largest = max(largest, *numbers)
        (limit,) = re.findall(r"Colours end at \S+ and (\S+),", said(page))
        said_limits.add(float(limit))
    assert said_limits == {largest}


@pytest.mark.parametrize("step", [1, 4])
def test_the_ranking_names_the_heads_that_point_most(shelf: Shelf, folder: Path, step: int) -> None:
    page = shelf("heads", text=SENTENCE, model="prompt", step=str(step))
    trace = traced(folder)
    row = trace.weights["cross"][:, :, step - 1, :-1]
    best = np.argsort(row.max(-1), axis=None)[::-1][:3]
    names = columns_of(trace, "cross")
    expected = []
    for flat in best:
        layer, head = divmod(int(flat), row.shape[1])
        weight, key = row[layer, head].max(), int(row[layer, head].argmax())
        expected.append(f"Layer {layer + 1}, head {head + 1}: {weight:.0%} on {names[key]}")
    buttons = [b for b in page.button if str(b.key).startswith("ranked-")]
    assert [read(b.label) for b in buttons] == expected


def test_the_best_head_opens_and_says_so(shelf: Shelf) -> None:
    for model, name in (
        ("prompt", "Cross-attention, layer 3, head 2 (best-aligned)"),
        ("late", "Cross-attention, layer 2, head 3 (best-aligned)"),
    ):
        assert name in subheaders(shelf("heads", text=SENTENCE, model=model))
    assert "(best-aligned)" not in subheaders(opened(shelf, HeadPlace("cross", 1, 2)))


def test_another_model_another_sentence_another_change_is_another_head(shelf: Shelf) -> None:
    place = HeadPlace("cross", 1, 4)
    for link, expected in (
        ({"text": "The cat finds a ball."},
         traced(shelf.root / "prompt", text="The cat finds a ball.")),
        ({"ablation": "enc.L1=skip"}, traced(shelf.root / "prompt", "enc.L1=skip")),
        ({"prefix": "300.301"}, traced(shelf.root / "prompt", prefix=(300, 301))),
    ):  # fmt: skip
        chosen = {"text": SENTENCE, "model": "prompt", "kind": "cross", "layer": "2", "head": "5"}
        page = shelf("heads", **{**chosen, **link})
        (chart,) = charts(page)
        assert_shown(first_map(chart), place.of(expected.weights))
        assert labels(chart, "yaxis") == rows_of(expected, "cross")
        assert labels(chart, "xaxis") == columns_of(expected, "cross")


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_head_of_lines_has_the_colour_of_attention(shelf: Shelf, kind: Kind) -> None:
    page = opened(shelf, HeadPlace(kind, 1, 4), drawing="lines")
    meta, _ = unpacked(components(page, "attention_lines")[0])
    assert meta["colours"] == [ROLES["attention"].mark]
