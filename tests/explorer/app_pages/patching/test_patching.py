"""The page Two sentences: each cell is of its head or piece, and the words are those of the pair."""

import html

import numpy as np
import pytest

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.head_place import KIND_NAMES, HeadPlace
from core.analysis.patching.patch import NotComparableError, Patching, patching
from core.analysis.trace.trace import Trace
from core.config import KINDS, SearchConfig
from core.model import probing
from core.text.toy_grammar import sentence_pairs
from core.translator import Translator
from explorer.app_pages.patching.pairs import PAIRS, partner
from explorer.figures.axes import signed
from explorer.figures.head import piece_label, piece_labels
from tests.checkpoints import write_checkpoint
from tests.explorer.apart import loaded, traced
from tests.explorer.clicks import click_row
from tests.explorer.pages import Shelf, button, charts, link, shelf
from tests.explorer.readings import assert_shown, first_map, frame, labels, read, said

__all__ = ["shelf"]


@pytest.fixture
def pages(shelf: Shelf) -> Shelf:
    if not (shelf.root / "toy").is_dir():
        write_checkpoint(shelf.root / "toy")
    return shelf


@pytest.fixture
def compared(pages: Shelf):
    """Two sentences whose translations part, both traces, and what carries the difference."""
    model = loaded(pages.root / "toy")
    texts = [source for source, _ in sentence_pairs(60)]
    first = traced(pages.root / "toy", text=texts[0])
    for text in texts[1:]:
        second = traced(pages.root / "toy", text=text)
        if len(first.source.pieces) == len(second.source.pieces) and first.target != second.target:
            found = patching(model.checkpoint.model, first, second)
            return texts[0], text, first, second, found
    raise AssertionError("the toy grammar has no such pair")


TEXTS = [source for source, _ in sentence_pairs(10)]
APART = TEXTS[9], TEXTS[2]
"""With some heads of the second the first goes on with another word, if the search is greedy."""
BEYOND = TEXTS[1], TEXTS[4]
"""Heads of the decoder move the difference farther than the second sentence does."""


def between(pages: Shelf, texts: tuple[str, str], search: SearchConfig) -> tuple[Trace, Patching]:
    """The second trace, and what carries the difference between two sentences."""
    first, second = (traced(pages.root / "toy", text=text, search=search) for text in texts)
    return second, patching(loaded(pages.root / "toy").checkpoint.model, first, second)


def percent(share: float) -> str:
    return f"{signed(100 * share, 0)} %"


def test_every_cell_is_of_its_head(pages: Shelf, compared) -> None:
    one, other, _, second, found = compared
    page = pages("patching", text=one, other_text=other)
    order = sorted(KINDS, key=lambda kind: -found.heads[kind].shares.max())
    names = loaded(pages.root / "toy").checkpoint.vocabulary.target.names
    titles = [each.value for each in page.markdown]
    drawn = charts(page)
    assert len(drawn) == 3
    for chart, kind in zip(drawn, order, strict=True):
        grid = found.heads[kind]
        np.testing.assert_allclose(first_map(chart), grid.shares, rtol=1e-4, atol=1e-6)
        n_layers, n_heads = grid.shares.shape
        assert labels(chart, "yaxis") == [f"Layer {n}" for n in range(1, n_layers + 1)]
        assert labels(chart, "xaxis") == [str(n) for n in range(1, n_heads + 1)]
        for layer, head, hover in chart["data"][-1]["customdata"]:
            wrote = piece_label(names[grid.writes[layer, head]])
            share = percent(grid.shares[layer, head])
            assert hover.startswith(f"Layer {layer + 1}, {head + 1}: {share} of the difference")
            assert f"writes “{wrote}”" in hover.replace("&lt;", "<").replace("&gt;", ">")
    named = [f"**{KIND_NAMES[kind]}**" for kind in order]
    assert [title for title in titles if title in named] == named
    most = max((float(grid.shares.max()), kind) for kind, grid in found.heads.items())
    strongest = found.heads[most[1]].shares
    layer, head = np.unravel_index(strongest.argmax(), strongest.shape)
    assert f"{HeadPlace(most[1], int(layer), int(head)).name} carries {percent(most[0])};" in said(
        page
    )
    text = said(page)
    assert second.target.text in text
    assert f"part at step {found.step + 1}" in text
    assert f"carries most: **{percent(most[0])}**" in text
    places = [
        (float(grid.shares[cell]), HeadPlace(kind, *cell).label)
        for kind, grid in found.heads.items()
        for cell in np.ndindex(grid.shares.shape)
    ]
    table = frame(page, "carries")
    assert [(each.carries, each.head) for each in table.itertuples()] == [
        (f"{share:.1%}".replace("-", "−"), label)
        for share, label in sorted(places, key=lambda each: -each[0])
    ]


@pytest.mark.parametrize(
    ("parts", "grid"), [("source", "source_stream"), ("target", "target_stream")]
)
def test_every_cell_is_of_its_piece(pages: Shelf, compared, parts: str, grid: str) -> None:
    one, other, first, _, found = compared
    page = pages("patching", text=one, other_text=other, parts=parts)
    (chart,) = charts(page)
    shares = getattr(found, grid).shares
    np.testing.assert_allclose(first_map(chart), shares, rtol=1e-4, atol=1e-6)
    most = float(np.abs(shares).max())
    scale = chart["data"][0]["zmin"], chart["data"][0]["zmax"]
    assert scale == pytest.approx((-most, most), rel=1e-4)
    assert most > 1
    pieces = first.source.pieces if parts == "source" else first.consumed[: found.step + 1]
    columns = piece_labels(piece.name for piece in pieces)
    assert labels(chart, "xaxis") == columns
    rows = ["Embeddings", *(f"Layer {n}" for n in range(1, len(shares)))]
    assert labels(chart, "yaxis") == rows
    for layer, piece, hover in chart["data"][-1]["customdata"]:
        said_of = f"{rows[layer]}, {columns[piece]}: {percent(shares[layer, piece])} of the"
        assert html.unescape(hover).startswith(said_of)


def test_all_heads_are_drawn_on_one_scale(pages: Shelf) -> None:
    _, found = between(pages, BEYOND, SearchConfig())
    most = {kind: float(np.abs(grid.shares).max()) for kind, grid in found.heads.items()}
    assert most["decoder"] > most["cross"] > 1 > most["encoder"]
    one, other = BEYOND
    for chart in charts(pages("patching", text=one, other_text=other)):
        drawn = chart["data"][0]
        assert (drawn["zmin"], drawn["zmax"]) == pytest.approx(
            (-most["decoder"], most["decoder"]), rel=1e-4
        )


def test_both_sentences_are_translated_by_the_search_of_the_link(pages: Shelf) -> None:
    second, found = between(pages, APART, SearchConfig(method="greedy"))
    one, other = APART
    page = pages("patching", text=one, other_text=other, method="greedy")
    text = said(page)
    assert f"{other} → **{second.target.text}**" in text
    assert second.target != traced(pages.root / "toy", text=other).target
    assert f"part at step {found.step + 1}" in text
    order = sorted(KINDS, key=lambda kind: -found.heads[kind].shares.max())
    for chart, kind in zip(charts(page), order, strict=True):
        assert_shown(first_map(chart), found.heads[kind].shares)


def test_what_the_model_writes_with_a_head_is_said_of_that_head(pages: Shelf) -> None:
    """Of one that makes it write something else than its neighbours do."""
    _, found = between(pages, APART, SearchConfig(method="greedy"))
    writes = found.heads["cross"].writes
    layer, head = next(
        (layer, head)
        for layer, head in np.ndindex(writes.shape)
        if writes[layer, head] not in (writes[0, head], writes[layer, 0])
    )
    one, other = APART
    page = pages(
        "patching", text=one, other_text=other, method="greedy", kind="cross",
        layer=str(layer + 1), head=str(head + 1),
    )  # fmt: skip
    names = loaded(pages.root / "toy").checkpoint.vocabulary.target.names
    share = percent(found.heads["cross"].shares[layer, head])
    assert (
        f"{HeadPlace('cross', layer, head).name} carries {share}; with its output the model writes "
        f"“{piece_label(names[writes[layer, head]])}”." in said(page)
    )


def test_how_much_rather_is_said_of_both(pages: Shelf, compared) -> None:
    one, other, _, _, found = compared
    names = loaded(pages.root / "toy").checkpoint.vocabulary.target.names
    a, b = (piece_label(names[token]) for token in (found.of_a, found.of_b))
    text = said(pages("patching", text=one, other_text=other))
    for difference in (found.difference_a, found.difference_b):
        first, second = (a, b) if difference >= 0 else (b, a)
        assert (
            f"“{first}” {float(np.exp(abs(difference))):.3g} times as probable as “{second}”"
            in text
        )


def test_the_more_probable_word_is_named_first(pages: Shelf, compared) -> None:
    """Of the first sentence that is its own word: the model wrote it."""
    one, other, _, _, found = compared
    names = loaded(pages.root / "toy").checkpoint.vocabulary.target.names
    own, theirs = (piece_label(names[token]) for token in (found.of_a, found.of_b))
    text = said(pages("patching", text=one, other_text=other))
    if found.difference_a > 0:
        assert f"The first sentence makes “{own}” " in text
    first, _ = (own, theirs) if found.difference_b > 0 else (theirs, own)
    assert f"the second, after the same words, “{first}” " in text


def under(model: Translator, ablation: str, *texts: str) -> Patching | None:
    """What carries the difference in a changed model; None if the two cannot be compared there."""
    edits = [ablating(model.checkpoint.model, [Ablation.parse(ablation)])]
    changed = [model.trace(text, edits=edits) for text in texts]
    try:
        with probing(model.checkpoint.model, *edits):
            return patching(model.checkpoint.model, *changed)
    except NotComparableError:
        return None


def test_under_a_change_another_difference_is_carried(pages: Shelf, compared) -> None:
    """The result is kept under the change too."""
    one, other, _, _, usual = compared
    model = loaded(pages.root / "toy")
    heads = (f"cross.L{layer}H{head}=0.5" for layer in (1, 2, 3) for head in range(1, 6))
    ablation, expected = next(
        (ablation, found)
        for ablation in heads
        if (found := under(model, ablation, one, other))
        and not np.allclose(found.heads["cross"].shares, usual.heads["cross"].shares, atol=1e-2)
    )
    page = pages("patching", text=one, other_text=other, ablation=ablation)
    order = sorted(KINDS, key=lambda kind: -expected.heads[kind].shares.max())
    for chart, kind in zip(charts(page), order, strict=True):
        np.testing.assert_allclose(
            first_map(chart), expected.heads[kind].shares, rtol=1e-3, atol=1e-5
        )


def test_a_click_chooses_the_head_of_its_cell(pages: Shelf, compared) -> None:
    one, other, _, _, found = compared
    page = pages.own("patching", text=one, other_text=other)
    kind = max(KINDS, key=lambda kind: found.heads[kind].shares.max())
    page = click_row(page, 1, 3, [1, 3, "a hover"])
    assert [link(page, name) for name in ("layer", "head")] == ["2", "4"]
    assert page.query_params.get("kind", ["cross"])[0] == kind
    assert (
        f"{HeadPlace(kind, 1, 3).name} carries {percent(found.heads[kind].shares[1, 3])};"
        in said(page)
    )
    frames = [chart["layout"].get("shapes", []) for chart in charts(page)]
    assert [len(each) for each in frames] == [1, 0, 0]
    ((drawn,), *_) = frames
    assert [drawn[end] for end in ("y0", "y1", "x0", "x1")] == [0.5, 1.5, 2.5, 3.5]


def test_the_head_opens_at_the_step_where_the_translations_part(pages: Shelf) -> None:
    _, found = between(pages, BEYOND, SearchConfig())
    one, other = BEYOND
    page = pages.own("patching", text=one, other_text=other, kind="decoder", layer="3", head="2")
    page = button(page, "Open in Heads").click().run()
    assert page.header[0].value == "Which head looks where?"
    chosen = {"text": one, "kind": "decoder", "layer": "3", "head": "2"}
    assert {name: link(page, name) for name in chosen} == chosen
    assert found.step > 0
    assert link(page, "step") == str(found.step + 1)


def test_a_pair_is_taken_whole(pages: Shelf) -> None:
    page = pages.own("patching", text=TEXTS[0], other_text=TEXTS[1])
    chosen = next(each for each in page.selectbox if each.label == "Choose a pair")
    page = chosen.set_value(PAIRS["Negation"]).run()
    assert (link(page, "text"), link(page, "other_text")) == PAIRS["Negation"]


def test_two_that_cannot_be_compared_say_why(pages: Shelf, compared) -> None:
    one, *_ = compared
    page = pages("patching", text=one, other_text=one)
    assert "both sentences have the same translation" in page.warning[0].value
    page = pages("patching", text=one, other_text=f"{one} {one}")
    assert "change a word so that both have the same number" in page.warning[0].value
    assert not charts(page)


def test_without_a_second_sentence_one_is_asked_for(pages: Shelf) -> None:
    assert "Type a second sentence" in said(pages("patching", text="the man sees a house"))


def test_each_of_a_pair_is_the_partner_of_the_other() -> None:
    for one, other in PAIRS.values():
        assert (partner(one), partner(other)) == (other, one)
    assert partner("A sentence of nobody.") == ""


def test_sentences_that_are_too_long_are_refused_with_the_numbers(
    pages: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (source for source, _ in list(sentence_pairs(2)))
    monkeypatch.setattr("explorer.engine.patching.MOST_PARTS", 100)
    page = pages("patching", text=one, other_text=other)
    assert not page.exception
    told = " ".join(read(each.value) for each in (*page.error, *page.warning, *page.info))
    assert "the sentences are too long to be compared here: " in told
    assert "runs of the model, and 100 is the most; give shorter ones" in told
