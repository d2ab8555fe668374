"""Whatever is missing or bad beside a model, every page shows the model and says what it left out."""

import functools
import io
import json
import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from core.checkpoint.weights import weights_hash
from explorer.app_pages.registry import PAGES, url_path
from explorer.engine import checkpoints
from tests.checkpoints import (
    SENTENCE,
    reports,
    write_checkpoint,
    write_history,
    write_timeline,
)
from tests.core.measurements import write_measurements
from tests.explorer.pages import Open, open_page

__all__ = ["open_page"]

SIDE_FILES = (
    "metrics.json", "card.md", "history.jsonl", "example.npz", "sweep.json", "pruning.json",
)  # fmt: skip
BY_PAGE = {"sweep.json": ["ablate", "claims"], "pruning.json": ["ablate", "claims"]}
"""Files that one page reads; all pages say of the others."""
OWN_SENTENCES = ("table3", "second_attempt", "roles")
"""Pages that show sentences of their own, or models."""
SENTENCE_PAGES = [
    url_path(script) for script in PAGES.values() if url_path(script) not in OWN_SENTENCES
]


@functools.cache
def whole_files() -> dict[str, bytes]:
    """A checkpoint with everything beside the model that there can be: file -> content."""
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "whole"
        write_checkpoint(folder, metrics={"languages": ["English", "German"]})
        (folder / "card.md").write_text("# Straße", "utf-8")
        write_history(folder, reports())
        write_measurements(folder)
        own = weights_hash(core.load(folder).checkpoint.model)
        for name in ("sweep.json", "pruning.json"):
            values = json.loads((folder / name).read_text("utf-8"))
            (folder / name).write_text(json.dumps({**values, "weights_hash": own}), "utf-8")
        core.load(folder).trace(SENTENCE).save(folder / "example.npz")
        return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def whole_checkpoint(folder: Path) -> None:
    folder.mkdir()
    for name, content in whole_files().items():
        (folder / name).write_bytes(content)


def unpacking_to(n_bytes: int) -> bytes:
    """An .npz of a few kilobytes whose record unpacks to that many bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("record.npy", bytes(n_bytes))
    return buffer.getvalue()


def warnings(page: AppTest) -> list[str]:
    return [warning.value.replace("\\", "") for warning in page.warning]


LAST = {"claims": "All of it as a table", "over_text": "The means as a table"}
"""What stands at the end of a page, if that is not the self-check of a sentence."""


def is_whole(page: AppTest, name: str = "") -> bool:
    """Whether it is drawn to its end."""
    if name == "over_text" and page.text_area:  # without languages, it asks for a text
        return not page.error
    last = LAST.get(name, "of 6 checks of")
    return not page.error and any(last in expander.label for expander in page.expander)


@pytest.mark.parametrize("page", ["claims", "ablate", "training", "over_text"])
@pytest.mark.parametrize("content", [b"[]", b"{}", b"\xff", b'{"points": [], "moments": {}}'])
def test_bad_measurements_cost_themselves_alone(
    open_page: Open, tmp_path: Path, page: str, content: bytes
) -> None:
    """Those of the later commands; each page that reads one names it."""
    readers = {
        "roles.json": ["claims"], "lens.json": ["claims"], "gates.json": ["claims", "ablate"],
        "learning.json": ["claims", "training"], "contributions.json": ["claims"],
    }  # fmt: skip
    write_checkpoint(tmp_path / "tiny", metrics={"languages": ["English", "German"]})
    write_timeline(core.load(tmp_path / "tiny").checkpoint, 3)
    for name in readers:
        (tmp_path / "tiny" / name).write_bytes(content)
    opened = open_page(page=page, text=SENTENCE)
    assert not opened.exception
    assert is_whole(opened, page)
    named = {name for name in readers for text in warnings(opened) if f"/{name}" in text}
    assert {name for name, pages in readers.items() if page in pages} <= named


@pytest.mark.parametrize("page", SENTENCE_PAGES)
def test_a_whole_checkpoint_gives_no_notice(open_page: Open, tmp_path: Path, page: str) -> None:
    whole_checkpoint(tmp_path / "tiny")
    opened = open_page(page=page if page != "translate" else "", text=SENTENCE)
    assert not opened.exception
    assert warnings(opened) == []


@pytest.mark.slow
@pytest.mark.parametrize("page", SENTENCE_PAGES)
@pytest.mark.parametrize("content", [b"\xff\xfe{}\n{}", b"[" * 100_000 + b"\n{}", b"[]\n{}", b""])
def test_with_all_of_it_bad_every_page_is_drawn(
    open_page: Open, tmp_path: Path, page: str, content: bytes
) -> None:
    """A folder that sorts first, so that the app opens on it."""
    whole_checkpoint(tmp_path / "tiny")
    for name in SIDE_FILES:
        (tmp_path / "tiny" / name).write_bytes(content)
    opened = open_page(page=page if page != "translate" else "", text=SENTENCE)
    assert not opened.exception
    assert is_whole(opened, page)
    named = {name for name in SIDE_FILES for text in warnings(opened) if f"/{name}" in text}
    expected = {name for name in SIDE_FILES if page in BY_PAGE.get(name, [page])}
    if not content.startswith(b"\xff"):
        expected -= {"card.md"}  # any text is a card
    if not content:
        expected -= {"history.jsonl"}  # nothing was reported yet
    assert named == expected


@pytest.mark.parametrize(
    ("name", "content", "notice"),
    [
        ("metrics.json", b'{"results": [], "languages": ["x", "y"]}', "results must be an object, not []"),
        ("metrics.json", b'{"alignment": {"layer": 9}}', "alignment must be an object with"),
        ("example.npz", unpacking_to(60_000_000), "it unpacks to 60,000,000 bytes; 50,000,000 is"),
    ],
)  # fmt: skip
def test_one_bad_file_costs_itself_alone(
    open_page: Open, tmp_path: Path, name: str, content: bytes, notice: str
) -> None:
    whole_checkpoint(tmp_path / "tiny")
    (tmp_path / "tiny" / name).write_bytes(content)
    page = open_page(text=SENTENCE)
    assert not page.exception
    (said,) = warnings(page)
    assert notice in said
    assert is_whole(page)


def test_an_example_of_another_model_is_left_out(open_page: Open, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "other", n_heads=2)
    core.load(tmp_path / "other").trace(SENTENCE).save(tmp_path / "example.npz")
    shutil.rmtree(tmp_path / "other")
    write_checkpoint(tmp_path / "tiny")
    shutil.move(tmp_path / "example.npz", tmp_path / "tiny")
    page = open_page(text=SENTENCE)
    assert not page.exception
    (said,) = warnings(page)
    assert (
        "example.npz is of another model: encoder layers and heads are (2, 2), not (2, 5)" in said
    )


def test_damage_inside_an_example_is_found_before_it_is_drawn(
    open_page: Open, tmp_path: Path
) -> None:
    whole_checkpoint(tmp_path / "tiny")
    file = tmp_path / "tiny" / "example.npz"
    with np.load(file) as found:
        arrays = dict(found)
    record = json.loads(str(arrays["record"]))
    record["target"]["pieces"] = record["target"]["pieces"][:-1]
    np.savez(file, **{**arrays, "record": np.array(json.dumps(record))})
    page = open_page(text=SENTENCE)
    assert not page.exception
    (said,) = warnings(page)
    assert "do not fit" in said


@pytest.mark.parametrize("page", SENTENCE_PAGES)
def test_a_model_that_is_damaged_while_it_is_listed_is_told(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """Its sentence is stored, so that pages begin without the model; the list is some seconds old."""
    whole_checkpoint(tmp_path / "tiny")
    listed = checkpoints.every_checkpoint()
    monkeypatch.setattr(checkpoints, "every_checkpoint", lambda: listed)
    weights = tmp_path / "tiny" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-50])
    opened = open_page(page=page if page != "translate" else "")
    assert not opened.exception
    assert ["model.safetensors" in error.value.replace("\\", "") for error in opened.error] == [
        True
    ]
