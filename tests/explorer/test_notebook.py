"""The README's lines for a notebook."""

from pathlib import Path

import pytest

import core
from core.records import Trace
from explorer import notebook
from explorer.state import View
from tests.checkpoints import SENTENCE, write_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    write_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def trace(folder: Path) -> Trace:
    return core.load(folder).trace(SENTENCE)


def test_a_cell_shows_pictures_in_a_frame_of_its_own(trace: Trace) -> None:
    page = notebook.heads(trace, View(kind="encoder"), layer=2, head=3)
    assert [picture.title for picture in page.pictures] == [
        "Encoder self-attention: all heads",
        "Encoder self-attention, layer 2, head 3",
    ]
    assert page._repr_html_().startswith("<iframe")


def test_without_a_choice_self_attention_opens_its_first_head(trace: Trace) -> None:
    page = notebook.heads(trace, View(kind="encoder"))
    assert page.pictures[1].title == "Encoder self-attention, layer 1, head 1"


def test_the_translation_is_saved_as_one_file(trace: Trace, folder: Path, tmp_path: Path) -> None:
    notebook.translation(trace, checkpoint=folder).save(tmp_path / "view.html")
    written = (tmp_path / "view.html").read_text("utf-8")
    assert SENTENCE in written
    assert "Step by step" in written


def test_a_head_that_is_not_there_is_named(trace: Trace) -> None:
    with pytest.raises(ValueError, match="head 99, but there are only"):
        notebook.heads(trace, head=99)
