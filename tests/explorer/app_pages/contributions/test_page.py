"""The page Source and prefix, and the bars on Translate: each number is that of its place."""

import dataclasses
import html
import json

import numpy as np
import pytest

import core
from core.analysis.contributions.results import CONTRIBUTIONS, SourceShares
from core.analysis.contributions.rollout import contributions
from core.analysis.contributions.text_shares import source_shares
from core.analysis.contributions.words import detached_warnings, word_shares
from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead
from core.analysis.trace.trace import Trace
from core.evaluation.ratios import Estimate
from core.text.toy_grammar import sentence_pairs
from explorer.engine.checkpoints import best_head
from explorer.figures.head import piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.pages import LATE, Open, Shelf, charts, open_page, shelf
from tests.explorer.readings import (
    assert_sent,
    assert_shown,
    components,
    first_map,
    labels,
    numbers,
    said,
    unpacked,
)

__all__ = ["open_page", "shelf"]


@pytest.fixture
def pages(shelf: Shelf) -> Shelf:
    if not (shelf.root / "toy").is_dir():
        rates = [[0.9] * 5 for _ in range(3)]
        rates[0][1] = 0.2  # the best in the step that writes the word is another than the late head
        metrics = {"alignment": {**LATE["alignment"], "error_rates": {"produced": rates}}}
        checkpoint = write_checkpoint(shelf.root / "toy", metrics=metrics)
        found = source_shares(checkpoint, list(sentence_pairs(20)), text="toy text")
        along = [Estimate(share, (share - 0.01, share + 0.02)) for share in (0.81, 0.6, 0.43)]
        found = dataclasses.replace(
            found, along=tuple(along), caught=0.75, snapshots={3: found.at_end, 70: found.mean},
            low_word=0.99, low_sentence=0.0,
        )  # fmt: skip
        (shelf.root / "toy" / CONTRIBUTIONS).write_text(json.dumps(found.to_json()))
    return shelf


@pytest.fixture
def expected(pages: Shelf):
    model = core.load(pages.root / "toy")
    trace = model.trace(SENTENCE)
    return trace, contributions(model.checkpoint.model, trace)


def steps_of(trace: Trace) -> list[str]:
    """What each step reads and writes."""
    read, written = (
        piece_labels(piece.name for piece in pieces)
        for pieces in (trace.consumed, trace.target.pieces)
    )
    return [f"{a} → {b}" for a, b in zip(read, written, strict=True)]


@pytest.mark.parametrize("depth", [1, None])
def test_the_map_is_source_and_prefix_after_the_layer(
    pages: Shelf, expected, depth: int | None
) -> None:
    page = pages("contributions", text=SENTENCE, **({"depth": str(depth)} if depth else {}))
    trace, found = expected
    layer = (depth or 3) - 1
    drawn = charts(page)[0]
    assert_shown(first_map(drawn), np.hstack((found.source[layer], found.prefix[layer])))
    bars = next(trace for trace in drawn["data"] if trace["type"] == "bar")
    np.testing.assert_allclose(numbers(bars["x"]), found.source[layer].sum(-1), rtol=1e-5)
    pieces = (trace.source.pieces, trace.consumed)
    columns = [label for side in pieces for label in piece_labels(piece.name for piece in side)]
    assert labels(drawn, "xaxis") == columns
    assert labels(drawn, "yaxis") == steps_of(trace)
    (line,) = drawn["layout"]["shapes"]
    assert line["x0"] == len(trace.source.pieces) - 0.5


def test_another_sentence_has_its_own_map(pages: Shelf) -> None:
    model = core.load(pages.root / "toy")
    for text in (SENTENCE, "A man sees the old house."):
        found = contributions(model.checkpoint.model, model.trace(text))
        drawn = first_map(charts(pages("contributions", text=text))[0])
        assert_shown(drawn, found.together)


def late_model(pages: Shelf) -> BestHead:
    trace = core.load(pages.root / "toy").trace(SENTENCE)
    return best_head(pages.root / "toy", trace)


def test_contributions_stand_beside_the_attention_that_is_named(pages: Shelf, expected) -> None:
    page = pages("contributions", text=SENTENCE)
    trace, found = expected
    left, right = components(page, "attention_lines")
    place = late_model(pages).at_first
    for data, weights in ((left, found.source[-1]), (right, place.of(trace.weights))):
        meta, values = unpacked(data)
        assert_sent(values, 0, weights[None])
        assert meta["rows"] == steps_of(trace)
        words = {
            name: [[piece.word] if piece.word >= 0 else [] for piece in pieces]
            for name, pieces in (("rows", trace.target.pieces), ("columns", trace.source.pieces))
        }
        assert meta["hover"] == {
            "rows": {"side": "target", "words": words["rows"]},
            "columns": {"side": "source", "words": words["columns"]},
        }
        assert meta["columns"] == piece_labels(piece.name for piece in trace.source.pieces)
        assert meta["row_title"] == "after this piece → the model writes this one"
        assert meta["column_title"] == "source"
    assert place == HeadPlace("cross", 0, 1)
    assert "Attention, layer 1, head 2" in said(page)
    assert unpacked(left)[0]["title"] == "Contributions"
    assert unpacked(right)[0]["title"] == "Attention, layer 1, head 2"


def test_the_text_and_the_sentence_along_the_output(pages: Shelf, expected) -> None:
    page = pages("contributions", text=SENTENCE)
    usual = SourceShares.from_json(json.loads((pages.root / "toy" / CONTRIBUTIONS).read_text()))
    trace, found = expected
    text, end, sentence = charts(page)[1]["data"]
    np.testing.assert_allclose(numbers(text["y"]), [each.value for each in usual.along])
    np.testing.assert_allclose(numbers(end["y"]), [usual.at_end.value])
    np.testing.assert_allclose(numbers(sentence["y"]), found.source_share, rtol=1e-6)
    highs = np.array([each.interval_95[1] - each.value for each in usual.along])
    np.testing.assert_allclose(numbers(text["error_y"]["array"]), highs)
    np.testing.assert_allclose(numbers(text["x"]), np.array([1, 3, 5]) / 6)
    n = len(trace.steps) - 1
    np.testing.assert_allclose(numbers(sentence["x"])[:-1], (np.arange(n) + 0.5) / n)
    assert numbers(sentence["x"])[-1] == numbers(end["x"])[0] > 1
    assert [html.unescape(step) for step in sentence["text"]] == steps_of(trace)
    lows = np.array([each.value - each.interval_95[0] for each in usual.along])
    np.testing.assert_allclose(numbers(text["error_y"]["arrayminus"]), lows)
    note = said(page)
    assert "Over 20 sentences of toy text the share goes from 81% in the first part" in note
    assert "of the output to 43% in the last, and is " in note
    assert f"and is {usual.at_end.value:.0%} where </s> is written" in note
    assert f"{usual.exchanged.value:.1%} in place of {usual.mean.value:.1%}" in note
    assert "and 75% of them fall below" in note
    (steps,) = charts(page)[2]["data"]
    assert list(numbers(steps["x"])) == [3, 70]
    assert "The mean share over 20 sentences of toy text, with the weights of each" in note
    np.testing.assert_allclose(numbers(steps["y"]), [usual.at_end.value, usual.mean.value])


@pytest.mark.parametrize("name", ["contributions", ""])
def test_each_word_has_its_share_and_low_ones_are_named(pages: Shelf, expected, name: str) -> None:
    """Here, and on Translate as soon as the model is loaded."""
    page = pages(name, text=SENTENCE)
    trace, found = expected
    [data] = components(page, "sentence_in_words")
    shares = [word["source_share"] for word in data["translations"][0]["words"]]
    np.testing.assert_allclose(shares, word_shares(trace, found.source_share), rtol=1e-6)
    by_hand = []
    for number in range(len(trace.target.words)):
        own = [
            s
            for s, piece in zip(found.source_share, trace.target.pieces, strict=True)
            if piece.word == number
        ]
        by_hand.append(np.mean(own))
    np.testing.assert_allclose(shares, by_hand)
    usual = SourceShares.from_json(json.loads((pages.root / "toy" / CONTRIBUTIONS).read_text()))
    (warning,) = detached_warnings(trace, found.source_share, usual)
    assert "less than 99%; 99 of 100 words of toy text" in warning
    assert warning in data["warnings"]


def test_a_whole_translation_may_be_detached(expected, pages: Shelf) -> None:
    trace, found = expected
    usual = SourceShares.from_json(json.loads((pages.root / "toy" / CONTRIBUTIONS).read_text()))
    mean = float(found.source_share.mean())
    high = dataclasses.replace(usual, low_word=0.0, low_sentence=mean + 1e-6)
    (warning,) = detached_warnings(trace, found.source_share, high)
    assert f"from the source: {mean:.0%}; 99 of 100 sentences" in warning
    low = dataclasses.replace(usual, low_word=0.0, low_sentence=mean - 1e-6)
    assert detached_warnings(trace, found.source_share, low) == ()


def test_a_changed_model_has_none(pages: Shelf) -> None:
    page = pages("contributions", text=SENTENCE, ablation="cross.L1H1=0")
    assert not charts(page)
    assert "parts of the unchanged model" in " ".join(warning.value for warning in page.warning)
    [data] = components(pages("", text=SENTENCE, ablation="cross.L1H1=0"), "sentence_in_words")
    assert all(word["source_share"] is None for word in data["translations"][0]["words"])


@pytest.mark.parametrize("content", ["{}", "[", '{"mean": 1}'])
def test_a_file_that_cannot_be_used_is_named(open_page: Open, tmp_path, content: str) -> None:
    write_checkpoint(tmp_path / "own")
    (tmp_path / "own" / CONTRIBUTIONS).write_text(content)
    page = open_page(None, "contributions", text=SENTENCE, model="own")
    assert not page.exception
    assert CONTRIBUTIONS in " ".join(warning.value for warning in page.warning).replace("\\", "")
    assert "was not measured" in said(page)
