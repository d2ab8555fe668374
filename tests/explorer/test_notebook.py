"""The README's lines for a notebook."""

from pathlib import Path

import numpy as np
import pytest

import core
from core.analysis.heads.best import clearest_head
from core.analysis.trace.trace import Trace
from core.translator import Translator
from explorer import notebook
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
