"""The README's lines for a notebook."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import core
from core.analysis.contrast.attribution import contrast
from core.analysis.contributions.rollout import contributions
from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import clearest_head
from core.analysis.lens.logit_lens import logit_lens
from core.analysis.patching.patch import NotComparableError, patching
from core.analysis.scores.parts import score_parts
from core.analysis.trace.trace import Trace
from core.config import KINDS, Kind, SearchConfig
from core.text.pieces import Piece
from core.text.toy_grammar import sentence_pairs
from core.translator import Translator
from explorer import notebook
from explorer.figures.head import piece_label, piece_labels
from tests.checkpoints import SENTENCE, write_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def translator(folder: Path) -> Translator:
    return core.load(folder)


@pytest.fixture(scope="module")
def trace(translator: Translator) -> Trace:
    return translator.trace(SENTENCE)


def test_a_cell_shows_pictures_in_a_frame_of_its_own(trace: Trace) -> None:
    page = notebook.heads(trace, "encoder", layer=2, head=3)
    assert [picture.title for picture in page.pictures] == [
        "Encoder self-attention: all heads",
        "Encoder self-attention, layer 2, head 3",
    ]
    assert page._repr_html_().startswith("<iframe")


def test_without_a_choice_self_attention_opens_its_clearest_head(trace: Trace) -> None:
    page = notebook.heads(trace, "encoder")
    assert page.pictures[1].title == clearest_head(trace, "encoder").name


def test_the_translation_is_saved_as_one_file(trace: Trace, folder: Path, tmp_path: Path) -> None:
    notebook.translation(trace, checkpoint=folder).save(tmp_path / "view.html")
    written = (tmp_path / "view.html").read_text("utf-8")
    assert SENTENCE in written
    assert "Step by step" in written


def test_a_head_that_is_not_there_is_named(trace: Trace) -> None:
    with pytest.raises(ValueError, match="head 99, but there are only"):
        notebook.heads(trace, head=99)


def test_one_row_of_a_head_is_walked_through(translator: Translator, trace: Trace) -> None:
    page = notebook.inside(translator, trace, "decoder", layer=2, head=3, row=2)
    consumed, produced = trace.consumed[1].name, trace.target.pieces[1].name
    said = f"Decoder self-attention, layer 2, head 3, row {consumed} → {produced}"
    assert page.pictures[0].title == said
    assert len(page.pictures) == 2
    assert page._repr_html_().startswith("<iframe")


def test_without_a_choice_a_telling_row_is_walked_through(
    translator: Translator, trace: Trace
) -> None:
    page = notebook.inside(translator, trace, "encoder")
    place = clearest_head(trace, "encoder")
    is_text = np.array([piece.word >= 0 for piece in trace.source.pieces])
    largest = (place.of(trace.weights) * is_text).max(axis=1)
    told = trace.source.pieces[int(np.abs(largest - 0.75).argmin())].name.removeprefix("▁")
    assert page.pictures[0].title == f"{place.name}, row {told}"


def test_a_row_that_is_not_there_is_named(translator: Translator, trace: Trace) -> None:
    with pytest.raises(ValueError, match="step 999, but there are only"):
        notebook.inside(translator, trace, row=999)


@pytest.mark.parametrize("choice", [{"layer": 0}, {"head": 0}, {"row": 0}, {"layer": -1}], ids=str)
def test_layers_heads_and_rows_count_from_1(
    translator: Translator, trace: Trace, choice: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match="there are only"):
        notebook.inside(translator, trace, **choice)  # type: ignore[arg-type]


def test_every_analysis_is_a_page_of_its_numbers(
    translator: Translator, trace: Trace, tmp_path: Path
) -> None:
    """Each picture is that of the analysis, which the pages' own tests compare cell by cell."""
    model = translator.checkpoint.model
    (picture,) = notebook.contributions(translator, trace, layer=2).pictures
    found = contributions(model, trace)
    np.testing.assert_allclose(
        picture.shown.data[0].z, np.hstack((found.source[1], found.prefix[1])), atol=1e-6
    )
    (picture,) = notebook.why(translator, trace, step=2, method="occlusion").pictures
    wanted, other = trace.target.pieces[1].id, trace.steps[1].candidates[1].token
    amounts = contrast(model, trace, step=1, wanted=wanted, other=other, method="occlusion")
    np.testing.assert_allclose(picture.shown.data[0].y, amounts.source, atol=1e-6)
    (picture,) = notebook.lens(translator, trace).pictures
    read = logit_lens(model, translator.checkpoint.vocabulary, trace)
    np.testing.assert_allclose(picture.shown.data[0].z, read.probabilities[..., 0], atol=1e-6)
    (picture,) = notebook.reasons(translator, trace, layer=1, head=2, row=3, split="query").pictures
    parts = score_parts(model, trace, HeadPlace("cross", 0, 1), 2)
    scores = parts.scores - parts.scores.mean()
    np.testing.assert_allclose(np.sum(picture.shown.data[0].z, 0), scores, atol=1e-5)
    notebook.lens(translator, trace).save(tmp_path / "lens.html")
    assert "logit lens" in (tmp_path / "lens.html").read_text("utf-8")


def names(pieces: Sequence[Piece]) -> list[str]:
    return piece_labels(piece.name for piece in pieces)


def texts(axis: Any) -> list[str]:
    """The labels along an axis, those too that only hovering shows."""
    at = dict(zip(axis.tickvals, axis.ticktext, strict=True))
    at |= {int(place): label for place, label in (axis.labelalias or {}).items()}
    return [html.unescape(at[place]) for place in sorted(at)]


def test_rows_and_columns_of_every_analysis_are_named_after_their_pieces(
    translator: Translator, trace: Trace
) -> None:
    source, read, written = (
        names(pieces) for pieces in (trace.source.pieces, trace.consumed, trace.target.pieces)
    )
    (picture,) = notebook.contributions(translator, trace).pictures
    assert texts(picture.shown.layout.xaxis) == [*source, *read]
    assert texts(picture.shown.layout.yaxis) == [
        f"{before} → {after}" for before, after in zip(read, written, strict=True)
    ]
    (picture,) = notebook.lens(translator, trace).pictures
    assert texts(picture.shown.layout.xaxis) == written
    vocabulary = translator.checkpoint.vocabulary.target
    one, other = "Haus", "Mann"
    (picture,) = notebook.why(
        translator, trace, step=3, wanted=one, other=other, method="gradient_input"
    ).pictures
    assert texts(picture.shown.layout.xaxis) == source
    assert texts(picture.shown.layout.xaxis2) == read[:3]
    first, second = (
        piece_label(vocabulary.names[vocabulary.encode(each)[0]]) for each in (one, other)
    )
    assert picture.title == f"Why “{first}” and not “{second}”, step 3"
    amounts = contrast(
        translator.checkpoint.model, trace, step=2, method="gradient_input",
        wanted=vocabulary.encode(one)[0], other=vocabulary.encode(other)[0],
    )  # fmt: skip
    np.testing.assert_allclose(picture.shown.data[0].y, amounts.source, atol=1e-6)
    np.testing.assert_allclose(picture.shown.data[1].y, amounts.prefix, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_scores_of_a_head_stand_over_its_own_keys(
    translator: Translator, trace: Trace, kind: Kind
) -> None:
    row = 4
    (picture,) = notebook.reasons(translator, trace, kind, layer=2, head=3, row=row).pictures
    place = HeadPlace(kind, 1, 2)
    found = score_parts(translator.checkpoint.model, trace, place, row - 1)
    keys = trace.consumed[:row] if kind == "decoder" else trace.source.pieces
    assert len(keys) == len(found.scores)
    assert texts(picture.shown.layout.xaxis) == names(keys)
    asks = names(trace.source.pieces)[row - 1]
    if kind != "encoder":
        asks = f"{names(trace.consumed)[row - 1]} → {names(trace.target.pieces)[row - 1]}"
    assert picture.title == f"{place.name}: why “{asks}” looks where it does"


def test_two_sentences_are_put_into_each_other(translator: Translator, trace: Trace) -> None:
    for text, _ in sentence_pairs(60):
        other = translator.trace(text)
        try:
            page = notebook.patching(translator, trace, other)
        except NotComparableError:
            continue
        found = patching(translator.checkpoint.model, trace, other)
        for picture, kind in zip(page.pictures, KINDS, strict=False):
            np.testing.assert_allclose(picture.shown.data[0].z, found.heads[kind].shares, atol=1e-6)
        assert len(page.pictures) == 5
        return
    raise AssertionError("the toy grammar has no such pair")


def test_what_is_not_there_is_named(translator: Translator, trace: Trace) -> None:
    with pytest.raises(ValueError, match="layer 9, but there are only 3 here"):
        notebook.contributions(translator, trace, layer=9)
    with pytest.raises(ValueError, match="step 0, but there are only"):
        notebook.why(translator, trace, step=0)
    with pytest.raises(ValueError, match="both words begin with the same piece"):
        notebook.why(translator, trace, step=1, wanted="Haus", other="Haus")
    with pytest.raises(ValueError, match="' ' has no piece; give a word"):
        notebook.why(translator, trace, step=1, wanted=" ")
    with pytest.raises(ValueError, match="row 0, but there are only"):
        notebook.reasons(translator, trace, layer=1, head=1, row=0)
    with pytest.raises(ValueError, match=r"enc\.L0H1 is none of this model's heads"):
        notebook.reasons(translator, trace, "encoder", layer=0, head=1, row=1)
    bare = translator.trace(SENTENCE, SearchConfig(n_candidates=0))
    with pytest.raises(ValueError, match="step 1 keeps no other candidate"):
        notebook.why(translator, bare, step=1)


def test_a_fixed_head_has_no_equation(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "fixed", n_fixed_heads=2)
    translator = core.load(tmp_path / "fixed")
    trace = translator.trace(SENTENCE)
    with pytest.raises(ValueError, match=r"enc\.L1H2 attends by a fixed pattern of positions"):
        notebook.inside(translator, trace, "encoder", layer=1, head=2)
    assert notebook.inside(translator, trace, "encoder", layer=1, head=3).pictures
