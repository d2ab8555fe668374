"""The page Why this word: each bar is of its piece, for the two candidates that are named."""

import html

import numpy as np
import pytest

import core
from core.analysis.contrast.attribution import agreement, contrast
from explorer.figures.head import piece_label, piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.pages import Shelf, charts, shelf
from tests.explorer.readings import frame, labels, numbers, read, said

__all__ = ["shelf"]

STEP = 3
METHODS = ("integrated_gradients", "gradient_input", "occlusion")


@pytest.fixture
def pages(shelf: Shelf) -> Shelf:
    if not (shelf.root / "toy").is_dir():
        write_checkpoint(shelf.root / "toy")
    return shelf


@pytest.fixture
def traced(pages: Shelf):
    model = core.load(pages.root / "toy")
    return model.checkpoint.model, model.trace(SENTENCE)


@pytest.mark.parametrize("how", METHODS)
def test_every_bar_is_of_its_piece(pages: Shelf, traced, how: str) -> None:
    page = pages("why", text=SENTENCE, step=str(STEP), how=how)
    model, trace = traced
    written = trace.target.pieces[STEP - 1].id
    other = next(c.token for c in trace.steps[STEP - 1].candidates if c.token != written)
    found = contrast(model, trace, step=STEP - 1, wanted=written, other=other, method=how)
    chart = charts(page)[0]
    source, prefix = chart["data"]
    np.testing.assert_allclose(numbers(source["y"]), found.source, rtol=1e-6)
    np.testing.assert_allclose(numbers(prefix["y"]), found.prefix, rtol=1e-6)
    assert labels(chart, "xaxis") == piece_labels(piece.name for piece in trace.source.pieces)
    assert labels(chart, "xaxis2") == [
        "<s>",
        *(piece_label(p.name) for p in trace.target.pieces[: STEP - 1]),
    ]
    one, two = (piece_label(trace.names[token]) for token in (written, other))
    assert f"“{one}” is {np.exp(found.difference):,.3g} times as probable as “{two}”" in said(page)
    table = frame(page, "piece")
    np.testing.assert_allclose(
        table.iloc[:, -1], np.concatenate((found.source, found.prefix)).round(3), atol=1e-9
    )


@pytest.mark.parametrize("how", METHODS)
def test_every_bar_speaks_for_the_candidate_that_it_makes_more_probable(
    pages: Shelf, traced, how: str
) -> None:
    """Blue and up for the first, orange and down for the second; pointed at, it says for which."""
    model, trace = traced
    written = trace.target.pieces[STEP - 1].id
    other = next(c.token for c in trace.steps[STEP - 1].candidates if c.token != written)
    found = contrast(model, trace, step=STEP - 1, wanted=written, other=other, method=how)
    page = pages("why", text=SENTENCE, step=str(STEP), how=how)
    chart = charts(page)[0]
    one, two = (piece_label(trace.names[token]) for token in (written, other))
    amounts = np.concatenate((found.source, found.prefix))
    assert amounts.min() < 0 < amounts.max()
    assert [colour for bars in chart["data"] for colour in bars["marker"]["color"]] == [
        "#0072b2" if amount > 0 else "#d55e00" for amount in amounts
    ]
    spoken_for = [html.unescape(name) for bars in chart["data"] for name in bars["customdata"]]
    assert spoken_for == [one if amount > 0 else two for amount in amounts]
    source, prefix = chart["data"]
    assert list(map(html.unescape, source["text"])) == labels(chart, "xaxis")
    assert list(map(html.unescape, prefix["text"])) == labels(chart, "xaxis2")
    for bars, of in ((source, "source"), (prefix, "written before")):
        assert (
            bars["hovertemplate"]
            == f"%{{text}} ({of}): %{{y:+.2f}} for %{{customdata}}<extra></extra>"
        )
    axis = html.unescape(chart["layout"]["yaxis"]["title"]["text"])
    assert axis == f"for {one}, against {two} (logits)"
    assert f"for {one}, logits" in frame(page, "piece").columns


def test_each_candidate_is_offered_with_its_probability(pages: Shelf, traced) -> None:
    _, trace = traced
    page = pages("why", text=SENTENCE, step=str(STEP))
    shares = {
        piece_label(trace.names[each.token]): np.exp(each.log_probability_nats)
        for each in trace.steps[STEP - 1].candidates
    }
    expected = [f"{name} · {f'{p:.0%}' if p >= 0.01 else '<1%'}" for name, p in shares.items()]
    for label in ("Why", "and not"):
        offered = next(each for each in page.segmented_control if each.label == label).options
        assert list(map(read, offered)) == expected
    read_, written = (
        piece_labels(piece.name for piece in pieces)
        for pieces in (trace.consumed, trace.target.pieces)
    )
    steps = next(each for each in page.selectbox if each.label == "Step")
    assert steps.options == [
        f"{n}: {before} → {after}"
        for n, (before, after) in enumerate(zip(read_, written, strict=True), start=1)
    ]


def test_two_other_candidates_are_compared(pages: Shelf, traced) -> None:
    model, trace = traced
    _, second, third, *_ = (each.token for each in trace.steps[STEP - 1].candidates)
    page = pages(
        "why",
        text=SENTENCE,
        step=str(STEP),
        wanted_id=str(third),
        other_id=str(second),
        how="occlusion",
    )
    found = contrast(model, trace, step=STEP - 1, wanted=third, other=second, method="occlusion")
    np.testing.assert_allclose(numbers(charts(page)[0]["data"][0]["y"]), found.source, rtol=1e-6)
    others = [
        contrast(model, trace, step=STEP - 1, wanted=third, other=second, method=method)
        for method in METHODS[:2]
    ]
    for other in others:
        assert f"ρ = {agreement(other, found):.2f}" in said(page)


def test_each_pair_of_candidates_has_its_own_bars(pages: Shelf, traced) -> None:
    """On one page, one after another: neither is shown what was measured of the other."""
    model, trace = traced
    first, *others = (each.token for each in trace.steps[STEP - 1].candidates[:3])
    for other in others:
        page = pages(
            "why",
            text=SENTENCE,
            step=str(STEP),
            wanted_id=str(first),
            other_id=str(other),
            how="occlusion",
        )
        found = contrast(model, trace, step=STEP - 1, wanted=first, other=other, method="occlusion")
        np.testing.assert_allclose(
            numbers(charts(page)[0]["data"][0]["y"]), found.source, rtol=1e-6
        )


def test_one_candidate_alone_is_not_compared(pages: Shelf, traced) -> None:
    _, trace = traced
    written = str(trace.target.pieces[STEP - 1].id)
    page = pages("why", text=SENTENCE, step=str(STEP), wanted_id=written, other_id=written)
    assert not charts(page)
    assert "Choose two different candidates" in said(page)


def test_a_candidate_of_another_step_makes_room(pages: Shelf, traced) -> None:
    page = pages("why", text=SENTENCE, step=str(STEP), wanted_id="499")
    assert not page.exception
    assert len(charts(page)) == 1
