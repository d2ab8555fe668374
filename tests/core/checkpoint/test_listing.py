"""A folder that cannot be loaded says so before anybody tries."""

import shutil
from pathlib import Path

import pytest

from core.checkpoint.listing import list_checkpoints, list_histories
from core.checkpoint.required import FILES
from tests.checkpoints import write_checkpoint
from tests.core.helpers import run_python


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "group" / "tiny")
    return tmp_path / "group" / "tiny"


def test_folders_are_listed_by_their_place_below_the_root(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "config.json").write_text("{")
    found = {item.name: item.problem for item in list_checkpoints(tmp_path)}
    assert list(found) == ["broken", "group/tiny"]
    assert found["group/tiny"] is None
    assert found["broken"] == "model.safetensors is missing; a checkpoint needs it"


@pytest.mark.slow
def test_listing_needs_no_torch() -> None:
    run_python("""
        import sys
        from core.checkpoint.listing import list_checkpoints
        assert 'torch' not in sys.modules
    """)


def test_one_bad_folder_hides_no_other(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(folder, bad)
    for name in FILES:
        whole = (bad / name).read_bytes()
        for content in (b"", b"[" * 100_000, whole[:-9], b"\xff\xfe"):
            (bad / name).write_bytes(content)
            found = {item.name: item.problem for item in list_checkpoints(tmp_path)}
            assert found["group/tiny"] is None
            assert str(found["bad"]).startswith(tuple(FILES))
        (bad / name).write_bytes(whole)


def test_a_history_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path / "checkpoints" / "a" / "history.jsonl")
    (tmp_path / "checkpoints" / "b" / "history.jsonl").mkdir(parents=True)
    write(tmp_path / "runs" / "c" / "history.jsonl", "another one\n")
    found = list_histories([tmp_path / "checkpoints"], tmp_path / "runs")
    assert [item.name for item in found] == ["a", "runs/c"]


def write(file: Path, text: str = '{"step": 1}\n') -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_histories_are_listed_where_trainings_leave_them(tmp_path: Path) -> None:
    checkpoints, runs = tmp_path / "checkpoints", tmp_path / "runs"
    write(checkpoints / "table3" / "base" / "history.jsonl", "a whole one\n")
    write(checkpoints / ".table3.partial-1" / "base" / "history.jsonl", "half\n")
    write(runs / "table3" / "base" / "history.jsonl", "a whole one\n")
    write(runs / "table3" / "C-N2" / "history.jsonl")
    write(runs / "table3" / "C-N2" / "best" / "history.jsonl")
    write(runs / "mine" / "history.jsonl")
    write(runs / "just-begun" / "history.jsonl", "")
    assert [(item.name, item.is_finished) for item in list_histories([checkpoints], runs)] == [
        ("table3/base", True),
        ("runs/mine", False),
        ("runs/table3/C-N2", False),
    ]


def test_histories_of_several_roots_have_names_of_their_own(tmp_path: Path) -> None:
    for root in ("mine", "bundled"):
        write(tmp_path / root / "en-de" / "history.jsonl", f"of {root}\n")
    write(tmp_path / "bundled" / "other" / "history.jsonl", "another\n")
    write(tmp_path / "runs" / "en-de" / "history.jsonl", "of bundled\n")
    found = list_histories([tmp_path / "mine", tmp_path / "bundled"], tmp_path / "runs")
    assert {item.name: item.file.parent for item in found} == {
        "en-de": tmp_path / "mine" / "en-de",
        "en-de (bundled)": tmp_path / "bundled" / "en-de",
        "other": tmp_path / "bundled" / "other",
    }


def test_no_folder_has_no_histories(tmp_path: Path) -> None:
    assert list_histories([tmp_path / "none"], tmp_path / "nor this") == []
