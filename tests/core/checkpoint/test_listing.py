"""A folder that cannot be loaded says so before anybody tries."""

import json
from pathlib import Path

import pytest

from core.checkpoint.folder import load_checkpoint
from core.checkpoint.listing import list_checkpoints, list_histories, problem_of, read_history
from tests.checkpoints import write_checkpoint
from tests.core.helpers import run_python


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "group" / "tiny")
    return tmp_path / "group" / "tiny"


def test_a_whole_folder_has_no_problem(folder: Path) -> None:
    assert problem_of(folder) is None
    load_checkpoint(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "sentencepiece.model"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert problem_of(folder) == f"{name} is missing"


@pytest.mark.parametrize("n_kept", [4, 100, -1])
def test_truncated_weights_are_told(folder: Path, n_kept: int) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:n_kept])
    assert "model.safetensors cannot be used" in str(problem_of(folder))


def test_weights_of_another_shape_are_told(folder: Path) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config["model"]["d_ff"] += 1
    file.write_text(json.dumps(config))
    assert "but config.json describes a model of" in str(problem_of(folder))


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"model": {"d_model": 3}}'])
def test_a_bad_configuration_is_told(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    assert str(problem_of(folder)).startswith("config.json cannot be used")


@pytest.mark.parametrize(
    "header",
    ["[]", "3", "null", "{}", '{"a": 3}', '{"a": {}}', '{"a": {"data_offsets": [], "shape": []}}',
     '{"a": {"data_offsets": {}, "shape": []}}', '{"a": {"data_offsets": 3}}'],
)  # fmt: skip
def test_weights_with_another_header_are_told(folder: Path, header: str) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(len(header).to_bytes(8, "little") + header.encode())
    assert str(problem_of(folder)).startswith("model.safetensors cannot be used: ")


def test_folders_are_listed_by_their_place_below_the_root(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "config.json").write_text("{")
    found = {item.name: item.problem for item in list_checkpoints(tmp_path)}
    assert list(found) == ["broken", "group/tiny"]
    assert found["group/tiny"] is None
    assert found["broken"] == "model.safetensors is missing"


@pytest.mark.slow
def test_listing_needs_no_torch() -> None:
    run_python("""
        import sys
        from core.checkpoint.listing import list_checkpoints
        assert 'torch' not in sys.modules
    """)


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
    assert [(item.name, item.is_finished) for item in list_histories(checkpoints, runs)] == [
        ("table3/base", True),
        ("runs/mine", False),
        ("runs/table3/C-N2", False),
    ]


def test_no_folder_has_no_histories(tmp_path: Path) -> None:
    assert list_histories(tmp_path / "none", tmp_path / "nor this") == []


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    whole = '{"step": 1}\n{"step": 2}'
    for n_bytes in range(len(whole) + 1):
        file.write_text(whole[:n_bytes])
        steps = [report["step"] for report in read_history(file)]
        assert steps == [1, 2][: (n_bytes >= len('{"step": 1}')) + (n_bytes == len(whole))]


def test_no_history_is_an_empty_one(tmp_path: Path) -> None:
    assert list(read_history(tmp_path / "none")) == []
