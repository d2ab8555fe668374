"""Why a head looks there: every row of the split is of its writer, and they add up to the scores."""

import html
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from core.analysis.head_place import HeadPlace
from core.analysis.heads.measures import keys_of
from core.analysis.scores.parts import ScoreParts, score_parts
from explorer.app_pages.inside.reasons import in_words
from explorer.figures.axes import signed
from explorer.figures.head import piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import loaded, traced
from tests.explorer.pages import PROMPT, Shelf, charts, open_page, shelf
from tests.explorer.readings import components, first_map, labels, said

__all__ = ["open_page", "shelf"]

PLACES = [HeadPlace("encoder", 0, 1), HeadPlace("decoder", 1, 4), HeadPlace("cross", 2, 0)]
QUERY = 2


@pytest.fixture
def folder(shelf: Shelf):
    if not (shelf.root / "tiny").is_dir():
        write_checkpoint(shelf.root / "tiny", metrics=PROMPT)
    return shelf.root / "tiny"


def opened(shelf: Shelf, place: HeadPlace, **more: str):
    asks = "row" if place.kind == "encoder" else "step"
    return shelf(
        "inside", text=SENTENCE, kind=place.kind, layer=str(place.layer_number),
        head=str(place.head_number), **{asks: str(QUERY + 1)}, **more,
    )  # fmt: skip


def split_chart(page):
    return next(c for c in charts(page) if "part of the score" in str(c["data"][0].get("colorbar")))


def by_writer(found: ScoreParts, split: str) -> dict[str, NDArray[np.float64]]:
    """The part of each writer, or of each pair of writers, in the score of every key."""
    if split == "key":
        return dict(zip(found.key_writers, found.parts.sum(0), strict=True))
    if split == "query":
        return dict(zip(found.query_writers, found.parts.sum(1), strict=True))
    return {
        f"{one} → {other}": found.parts[n, m]
        for n, one in enumerate(found.query_writers)
        for m, other in enumerate(found.key_writers)
    }


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("split", ["key", "query", "both"])
def test_every_row_is_of_its_writer(shelf: Shelf, folder, place: HeadPlace, split: str) -> None:
    chart = split_chart(opened(shelf, place, split=split))
    found = score_parts(loaded(folder).checkpoint.model, traced(folder), place, QUERY)
    by_name = by_writer(found, split)
    shown = first_map(chart)
    named = labels(chart, "yaxis")
    for name, row in zip(named, shown, strict=True):
        if name != "all others":
            expected = by_name[name] - by_name[name].mean()
            np.testing.assert_allclose(row, expected, rtol=1e-4, atol=1e-5)
    scores = found.scores - found.scores.mean()
    np.testing.assert_allclose(shown.sum(0), scores, rtol=1e-4, atol=1e-5)
    keys = piece_labels(piece.name for piece in keys_of(traced(folder), place.kind))
    assert labels(chart, "xaxis") == keys[: len(scores)]
    told = [html.unescape(text) for *_, text in chart["data"][-1]["customdata"]]
    assert told == [
        f"{name}, key {key}: {signed(part, plus=True)}"
        for name, row in zip(named, shown, strict=True)
        for key, part in zip(keys, row, strict=False)
    ]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)
@pytest.mark.parametrize("split", ["key", "query", "both"])
def test_the_words_name_the_highest_key_and_what_lifts_and_lowers_it(
    shelf: Shelf, folder, place: HeadPlace, split: str
) -> None:
    """Of all writers, those too that the picture has no row for."""
    trace = traced(folder)
    found = score_parts(loaded(folder).checkpoint.model, trace, place, QUERY)
    scores = found.scores - found.scores.mean()
    top = int(scores.argmax())
    keys = piece_labels(piece.name for piece in keys_of(trace, place.kind))
    read, written = (
        piece_labels(piece.name for piece in pieces)[QUERY]
        for pieces in (trace.consumed, trace.target.pieces)
    )
    asks = keys[QUERY] if place.kind == "encoder" else f"{read} → {written}"
    by_name = by_writer(found, split)
    parts = np.array([part[top] - part.mean() for part in by_name.values()])
    order = parts.argsort()
    assert parts[order[0]] < 0 < parts[order[-1]]
    named = [
        f"{name} ({signed(float(part), plus=True)})"
        for name, part in zip(by_name, parts, strict=True)
    ]
    raising = [named[n] for n in order[:-4:-1] if parts[n] > 0]
    assert (
        f"“{asks}” scores “{keys[top]}” highest: {signed(float(scores[top]), plus=True)} against the mean of its "
        f"keys. What raises it most: {', '.join(raising)}. What lowers it most: {named[order[0]]}."
    ) in said(opened(shelf, place, split=split))


def test_every_query_has_its_own_split(shelf: Shelf, folder) -> None:
    """One after another: none is shown what was measured of the other."""
    place = PLACES[0]
    for row in (1, 4):
        page = shelf(
            "inside",
            text=SENTENCE,
            kind="encoder",
            layer="1",
            head="2",
            row=str(row + 1),
            split="query",
        )
        found = score_parts(loaded(folder).checkpoint.model, traced(folder), place, row)
        scores = found.scores - found.scores.mean()
        np.testing.assert_allclose(
            first_map(split_chart(page)).sum(0), scores, rtol=1e-4, atol=1e-5
        )


def test_a_changed_model_has_no_split(shelf: Shelf, folder) -> None:
    page = opened(shelf, PLACES[0], ablation="enc.L1H1=0")
    assert "The split is that of the unchanged model" in said(page)


def test_a_fixed_head_has_no_equation(open_page, tmp_path) -> None:
    """Its weights do not come from its queries and keys, so nothing may say that they do."""
    write_checkpoint(tmp_path / "tiny", n_fixed_heads=2)
    page = open_page(None, "inside", text=SENTENCE, kind="encoder", layer="1", head="2")
    assert not page.exception
    assert "attends by a fixed pattern of positions" in page.warning[0].value
    assert not components(page, "equation_in_motion")
    page = open_page(None, "inside", text=SENTENCE, kind="encoder", layer="1", head="3")
    assert components(page, "equation_in_motion")
    assert not page.warning


def test_what_lowers_nothing_is_not_said_to_lower() -> None:
    """Two writers that both raise the highest key, by less than 1."""
    parts = np.array([[[0.5, 0.0], [0.25, 0.0]]])  # query writers, key writers, keys
    found = SimpleNamespace(key_writers=("a", "b"), query_writers=("c",), parts=parts)
    text = in_words(found, "key", "q", ["x", "y"])  # type: ignore[arg-type]
    assert "What raises it most: a (" in text
    assert "lowers" not in text
    found.parts = np.array([[[0.5, 0.0], [-0.25, 0.0]]])
    assert "What lowers it most: b (" in in_words(found, "key", "q", ["x", "y"])  # type: ignore[arg-type]
