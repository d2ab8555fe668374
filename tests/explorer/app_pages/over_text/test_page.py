"""The page A text: every line and every head is as the text was measured, and a long text can be stopped."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from core.analysis.heads.measures import MEASURES
from core.analysis.over_text.measure import measure_sentences
from core.analysis.over_text.sentences import COLUMNS, Sentence, head_means, row_of
from core.analysis.roles.examples import example_sentences
from core.config import KINDS, Kind, SearchConfig
from core.text.toy_grammar import sentence_pairs
from explorer.engine import over_text
from explorer.figures.colours import PALETTE, ink_on, weight_levels
from tests.checkpoints import write_checkpoint
from tests.explorer.apart import loaded
from tests.explorer.clicks import click_line
from tests.explorer.pages import Shelf, button, charts, link, shelf, texts
from tests.explorer.readings import first_map, frame, labels, read, said

__all__ = ["shelf"]

PAIRS = list(sentence_pairs(6))
TEXT = "\n".join(f"{source}\t{target}" for source, target in PAIRS[:3]) + "\n\n" + PAIRS[3][0]
GIVEN = [*(Sentence(*pair) for pair in PAIRS[:3]), Sentence(PAIRS[3][0])]


@pytest.fixture
def pages(shelf: Shelf) -> Shelf:
    if not (shelf.root / "toy").is_dir():
        write_checkpoint(shelf.root / "toy")
    return shelf


def measured_page(pages: Shelf, text: str = TEXT, **more: str):
    page = pages.own("over_text", measured_text="typed", **more)
    page.text_area[0].set_value(text).run()
    return next(each for each in page.button if each.label.startswith("Measure")).click().run()


def expected(pages: Shelf, **search: Any):
    config = SearchConfig(n_candidates=0, **search)
    return measure_sentences(loaded(pages.root / "toy").checkpoint, GIVEN, config)


def test_every_line_is_as_it_was_measured(pages: Shelf) -> None:
    page = measured_page(pages, line="2")
    assert not page.exception
    table = frame(page, "log p a piece")
    for (_, shown), one in zip(table.iterrows(), expected(pages), strict=True):
        cells = dict(zip(COLUMNS, row_of(one), strict=True))
        assert shown["source"] == cells["source"]
        assert shown["translation"] == cells["translation"]
        assert shown["log p a piece"] == pytest.approx(
            cells["log-probability a piece (nats)"], abs=2e-3
        )
        assert shown["source share"] == pytest.approx(cells["source share"], abs=2e-3)
        assert shown["entropy"] == pytest.approx(cells["entropy (nats)"], abs=2e-3)
        assert shown["reference"] == cells["reference"]
        assert shown["score"] == pytest.approx(cells["score"], abs=2e-3)
        assert shown["warnings"] == cells["warnings"]
    assert list(table["line"]) == [1, 2, 3, 4]
    assert f"Line 2. {PAIRS[1][0]}" in said(page).replace("**", "").replace("\\", "")


@pytest.mark.parametrize(
    ("name", "kind"), [*product(("entropy", "distance"), KINDS), ("confidence", "cross")]
)
def test_every_head_is_as_it_was_measured(pages: Shelf, name: str, kind: Kind) -> None:
    page = measured_page(pages, kind=kind, of_heads=name)
    means = head_means(expected(pages), name)[kind]
    (chart,) = charts(page)
    np.testing.assert_allclose(first_map(chart), means.values, atol=1e-3)
    table = frame(page, "mean")
    places = [(layer + 1, head + 1) for layer, head in np.ndindex(means.values.shape)]
    assert list(zip(table["layer"], table["head"], strict=True)) == places
    np.testing.assert_allclose(table["mean"], means.values.ravel(), atol=2e-3)
    np.testing.assert_allclose(table["low"], means.low.ravel(), atol=2e-3)
    np.testing.assert_allclose(table["high"], means.high.ravel(), atol=2e-3)
    measure, n = MEASURES[name], len(GIVEN)
    assert f"Means over all queries of {n} sentences, in {measure.units[kind]}. " in said(page)
    assert f"A low number: {measure.low}; a high one: {measure.high}. " in said(page)
    drawn = chart["data"][0]
    assert drawn["colorbar"]["title"]["text"] == measure.units[kind]
    assert drawn["zmin"] == 0
    assert drawn["zmax"] == pytest.approx(means.values.max(), abs=1e-3)
    for cell in np.ndindex(means.values.shape):
        low, high = map(float, drawn["customdata"][cell[0]][cell[1]].split(" to "))
        assert (low, high) == pytest.approx((means.low[cell], means.high[cell]), abs=0.006)
    written = np.array(chart["data"][1]["text"], float)
    np.testing.assert_allclose(written.ravel(), means.values.ravel(), atol=0.006)
    colours = PALETTE[weight_levels(means.values / means.values.max())].ravel()
    inks = [ink_on(str(colour)) for colour in colours]
    assert chart["data"][1]["textfont"]["color"] == inks
    n_layers, n_heads = means.values.shape
    assert labels(chart, "yaxis") == [str(n) for n in range(1, n_layers + 1)]
    assert labels(chart, "xaxis") == [str(n) for n in range(1, n_heads + 1)]


@pytest.mark.parametrize(
    "search",
    [
        {"beam_size": 2, "length_penalty": "power", "alpha": 1.5},
        {"method": "sample", "temperature": 0.5, "seed": 7},
    ],
)
def test_a_text_is_translated_by_the_search_of_the_link(
    pages: Shelf, search: dict[str, Any]
) -> None:
    page = measured_page(pages, **{name: str(value) for name, value in search.items()})
    found, usual = expected(pages, **search), expected(pages, method=search.get("method", "beam"))
    table = frame(page, "score")
    assert list(table["translation"]) == [one.translation for one in found]
    np.testing.assert_allclose(table["score"], [one.score for one in found], atol=2e-3)
    assert all(abs(a.score - b.score) > 0.01 for a, b in zip(found, usual, strict=True))


def test_a_ticked_line_is_the_one_below(pages: Shelf) -> None:
    page, found = measured_page(pages), expected(pages)
    for line in (3, 0):
        page = click_line(page, line)
        assert link(page, "line") == str(line + 1)
        text = said(page).replace("**", "")
        assert f"Line {line + 1}. {GIVEN[line].source} → {found[line].translation}" in text
        reference = GIVEN[line].reference
        assert (f"Reference: {reference}\n" in text) if reference else ("Reference:" not in text)
        told = {read(each.value) for each in page.warning}
        assert {read(warning) for warning in found[line].warnings} <= told


def test_a_line_opens_on_another_page(pages: Shelf) -> None:
    page = measured_page(pages, line="3")
    button(page, "Heads").click().run()
    assert link(page, "text") == PAIRS[2][0]


def test_limits_are_said_before_anything_is_measured(pages: Shelf) -> None:
    page = pages.own("over_text", measured_text="typed")
    page.text_area[0].set_value("a dog\n" * 1_001).run()
    assert "1,001 sentences, and 1,000 is the most" in page.warning[0].value.replace("\\", "")
    assert not page.dataframe
    with pytest.raises(ValueError, match="characters, and 200,000 is the most"):
        over_text.sentences_of("x" * 200_001)


def test_nothing_is_measured_before_it_is_asked_for(pages: Shelf) -> None:
    page = pages.own("over_text", measured_text="typed")
    page.text_area[0].set_value(TEXT).run()
    assert not page.dataframe
    assert "Measure 4 sentences" in [each.label for each in page.button]


def test_a_line_that_cannot_be_read_is_named(pages: Shelf) -> None:
    page = measured_page(pages, f"{PAIRS[0][0]}\n{'the man ' * 400}")
    assert "1 of 2 sentences could not be read" in page.warning[0].value.replace("\\", "")
    assert "Means over all queries of 1 sentence, in" in said(page)
    assert len(frame(page, "warnings")) == 2


def test_what_is_done_stays_done(pages: Shelf) -> None:
    """Stopped after the first part, the next call begins behind it."""
    folder, search = pages.root / "toy", SearchConfig(n_candidates=0, beam_size=2)
    many = [Sentence(source) for source, _ in sentence_pairs(60)]
    seen: list[int] = []

    class StoppedError(Exception):
        pass

    def stop(n_done: int, n: int) -> None:
        seen.append(n_done)
        if n_done:
            raise StoppedError

    with pytest.raises(StoppedError):
        over_text.measured(folder, many, search, stop)
    assert not over_text.is_measured(folder, many, search)
    found = over_text.measured(folder, many, search, lambda n_done, n: seen.append(n_done))
    assert seen == [0, 25, 25, 50]
    assert len(found) == 60
    assert over_text.is_measured(folder, many, search)


def test_a_model_of_other_languages_is_not_offered_english(pages: Shelf) -> None:
    page = pages("over_text")
    assert "sentences of this project" not in texts(page)
    assert page.text_area


def test_columns_are_explained_below_the_table(pages: Shelf) -> None:
    assert "Score: the log-probability divided by the length penalty" in texts(measured_page(pages))


@pytest.mark.parametrize(("target", "has_references"), [("German", True), ("French", False)])
def test_this_projects_sentences_have_references_in_german_alone(
    pages: Shelf, target: str, has_references: bool
) -> None:
    folder = pages.root / f"into-{target}"
    write_checkpoint(folder, metrics={"languages": ["English", target]})
    own = over_text.own_sentences(folder)
    pairs = example_sentences().pairs
    assert [one.source for one in own] == [source for source, _ in pairs]
    assert [one.reference for one in own] == [german * has_references for _, german in pairs]
