"""Which checkpoints there are, and what is said where there is none."""

from pathlib import Path

import pytest

from core.checkpoint.bundled import bundled_root
from explorer.engine import checkpoints
from explorer.engine.checkpoints import (
    CHECKPOINTS,
    NoCheckpointError,
    every_checkpoint,
    folder_of,
    listed,
    roots_without_any,
    show_beside_bundled,
)
from tests.checkpoints import write_checkpoint
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder"]


def test_no_checkpoint_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(NoCheckpointError, match=r"no checkpoint below .* Train one"):
        listed((tmp_path,))


def test_a_checkpoint_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(NoCheckpointError, match=r"broken: model\.safetensors is missing"):
        listed((tmp_path,))


def test_en_de_comes_first(tmp_path: Path) -> None:
    for name in ("another", "en-de", "group/third"):
        write_checkpoint(tmp_path / name)
    assert [item.name for item in listed((tmp_path,))] == ["en-de", "another", "group/third"]


def test_own_checkpoints_stand_beside_the_bundled_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the own, and one that is named as a bundled one keeps the bundled one in reach."""
    for name in ("zebra", "en-de"):
        write_checkpoint(tmp_path / name)
    monkeypatch.setenv(CHECKPOINTS, "")  # put back afterwards
    show_beside_bundled(str(tmp_path))
    found = every_checkpoint()
    assert [item.folder for item in found[:2]] == [tmp_path / "en-de", tmp_path / "zebra"]
    assert folder_of("en-de (checkpoints)") == bundled_root() / "en-de"
    assert folder_of("table3/base") == bundled_root() / "table3" / "base"
    assert folder_of(None) == tmp_path / "en-de"
    assert roots_without_any() == []


def test_a_folder_without_a_checkpoint_is_named_and_the_bundled_ones_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHECKPOINTS, "")
    show_beside_bundled(str(tmp_path))
    assert folder_of(None) == bundled_root() / "en-de"
    assert roots_without_any() == [tmp_path]


def test_a_folder_named_on_the_command_line_is_looked_for_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A name on Hugging Face would be asked for at every click."""
    asked = []
    monkeypatch.setattr(checkpoints, "resolve", lambda name: asked.append(name) or tmp_path)
    monkeypatch.setenv(CHECKPOINTS, "")
    for _ in range(2):
        show_beside_bundled("owner/asked-once")
    assert asked == ["owner/asked-once"]
    assert checkpoints.checkpoint_roots()[0] == tmp_path
