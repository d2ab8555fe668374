"""The tables of the pages as files: their cells are those on the screen."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from explorer.frame.tables import table_lines
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.system.test_text_tables import read_back
from tests.explorer.apart import traced
from tests.explorer.pages import Shelf, shelf

__all__ = ["shelf"]


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    return write_checkpoint(shelf.root / "tiny")


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each download button gives, by the name of its file."""
    found: dict[str, Any] = {}
    button = st.download_button

    def record(label: str, data: Any, *, file_name: str, **more: Any) -> bool:
        found[file_name] = data() if callable(data) else data
        return button(label, data, file_name=file_name, **more)

    monkeypatch.setattr(st, "download_button", record)
    return found


def test_a_column_of_numbers_has_the_same_decimals_in_every_row() -> None:
    rows = [{"piece": "<s>", "weight": 0.5}, {"piece": "a", "weight": 0.125}]
    assert table_lines(rows) == [("piece", "weight"), ("<s>", "0.500"), ("a", "0.125")]
    assert table_lines([]) == [()]


def test_the_strongest_links_are_saved_with_the_numbers_of_the_trace(
    shelf: Shelf, files: dict[str, Any]
) -> None:
    shelf.own("heads", text=SENTENCE, kind="cross", layer="1", head="2")
    trace = traced(shelf.root / "tiny")
    written = list(csv.reader(io.StringIO(files["strongest-links.csv"])))
    latex = files["strongest-links.tex"]
    assert read_back(latex) == written
    assert f"{trace.weights['cross'][0, 1].max():.3f}" == written[1][2]
    assert len(written) == 13
    assert r"\label{tab:strongest-links}" in latex
    assert "Cross-attention, layer 1, head 2" in latex
    assert trace.source.text in latex
    assert r"\begin{tabular}{llr}" in latex


def test_the_self_check_is_saved(shelf: Shelf, files: dict[str, Any]) -> None:
    shelf.own("heads", text=SENTENCE)
    name = next(name for name in files if name.startswith("self-check") and name.endswith(".csv"))
    header, *checks = csv.reader(io.StringIO(files[name]))
    assert header[0] == "what must hold"
    assert {row[3] for row in checks} == {"yes"}
