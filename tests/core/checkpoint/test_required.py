"""What the list says of a folder is what the loader says: both read the same parts."""

import json
import os
from pathlib import Path

import pytest

from core.checkpoint.folder import load_checkpoint
from core.checkpoint.required import FILES, CheckpointError, model_config_of, problem_of
from tests.checkpoints import write_checkpoint
from tests.damage import damages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "tiny")
    return tmp_path / "tiny"


def loaders_problem(folder: Path) -> str | None:
    try:
        load_checkpoint(folder)
    except CheckpointError as error:
        return str(error).removeprefix(f"{folder}/")
    return None


def test_a_whole_folder_has_no_problem(folder: Path) -> None:
    assert problem_of(folder) is None
    load_checkpoint(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert problem_of(folder) == f"{name} is missing; a checkpoint needs it"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"{}", b"\0" * 9])
def test_list_and_loader_agree_on_damaged_files(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert str(problem_of(folder)).startswith(name)
    assert loaders_problem(folder) == problem_of(folder)


@pytest.mark.slow
def test_list_and_loader_agree_on_every_damage_to_the_configuration(folder: Path) -> None:
    file = folder / "config.json"
    n_problems = 0
    for where, damaged in damages(json.loads(file.read_text())):
        file.write_text(json.dumps(damaged))
        problem = problem_of(folder)
        assert loaders_problem(folder) == problem, where
        n_problems += problem is not None
    assert n_problems > 150


def test_a_configuration_is_read_alone(folder: Path) -> None:
    assert model_config_of(folder) == load_checkpoint(folder).config
    (folder / "config.json").write_text("{")
    with pytest.raises(
        CheckpointError, match=rf"^{folder}/config\.json cannot be used: it is not JSON"
    ):
        model_config_of(folder)


def test_a_folder_is_looked_at_again_when_a_file_of_it_changes(
    folder: Path, tmp_path: Path
) -> None:
    assert problem_of(folder) is None
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"?" + b"more")
    assert (problem_of(folder) or "").startswith("model.safetensors")
    weights.write_bytes(whole)
    assert problem_of(folder) is None
    kept = weights.stat()
    weights.write_bytes(b"?" * len(whole))
    os.utime(weights, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert problem_of(folder) is not None, "written at the same time, says the file"
    weights.write_bytes(whole)
    weights.rename(folder / "other")
    assert "is missing" in (problem_of(folder) or "")
    weights.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(whole)
    assert "leads out" in (problem_of(folder) or "")
