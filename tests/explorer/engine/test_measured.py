"""What is made of files beside a model is made once, and anew when a file or the maker changes."""

from pathlib import Path

import pytest

from explorer.engine.measured import kept
from tests.explorer.tiny import empty_caches

__all__ = ["empty_caches"]

pytestmark = pytest.mark.usefixtures("empty_caches")

MADE: list[str] = []


def read(folder: Path) -> str:
    MADE.append(folder.name)
    text = (folder / "one.json").read_text()
    if text == "bad":
        raise ValueError("one.json is bad")
    return text


def shout(folder: Path) -> str:
    return (folder / "one.json").read_text().upper()


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    MADE.clear()
    (tmp_path / "one.json").write_text("a")
    assert [kept(tmp_path, ("one.json",), read) for _ in range(3)] == ["a"] * 3
    assert len(MADE) == 1
    (tmp_path / "one.json").write_text("another")
    assert kept(tmp_path, ("one.json",), read) == "another"
    assert len(MADE) == 2


def test_each_maker_folder_and_list_of_files_has_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.json").write_text(name)
    assert [kept(tmp_path / name, ("one.json",), read) for name in ("a", "b")] == ["a", "b"]
    assert kept(tmp_path / "a", ("one.json",), shout) == "A"
    MADE.clear()
    assert kept(tmp_path / "a", ("one.json", "two.json"), read) == "a"
    (tmp_path / "a" / "two.json").write_text("")
    assert kept(tmp_path / "a", ("one.json", "two.json"), read) == "a"
    assert MADE == ["a", "a"]


def test_what_cannot_be_read_is_told_every_time(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text("bad")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"one\.json is bad"):
            kept(tmp_path, ("one.json",), read)
