"""A file or folder is there whole or not at all."""

import pytest

from core.atomic import write_whole, writing_folder


def test_folders_inside_a_folder_are_written_whole_too(tmp_path):
    with writing_folder(tmp_path / "model") as partial:
        (partial / "timeline").mkdir()
        (partial / "timeline" / "7").write_text("x")
    assert (tmp_path / "model" / "timeline" / "7").read_text() == "x"


def test_a_folder_appears_only_when_it_is_whole(tmp_path):
    folder = tmp_path / "model"
    with writing_folder(folder) as partial:
        (partial / "file").write_text("new")
        assert not folder.exists()
    assert (folder / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_interrupted_folder_leaves_no_trace(tmp_path):
    def interrupted():
        with writing_folder(tmp_path / "model") as partial:
            (partial / "file").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_text_is_replaced_whole(tmp_path):
    file = tmp_path / "latest"
    write_whole(file, "old\n")
    write_whole(file, "größer\n")
    assert file.read_text("utf-8") == "größer\n"
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]
