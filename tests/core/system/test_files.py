"""A file or folder is there whole or not at all."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from core.system.files import (
    BusyError,
    file_lock,
    prepare_file,
    prepare_folder,
    sole_use,
    write_whole,
    writing_file,
    writing_folder,
)
from tests.core.helpers import run_python


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


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one_there(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "file").write_text("old")
    rename = Path.rename

    def full(self, target):
        if target == folder and ".partial-" in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space left"), writing_folder(folder) as partial:
        (partial / "file").write_text("new")
    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def dead_process() -> int:
    return int(run_python("import os; print(os.getpid())"))


def left_behind(folder: Path, name: str) -> set[str]:
    return {path.name for path in folder.iterdir() if name in path.name}


@pytest.mark.parametrize("host", ["here", "node-7.example.org"])
def test_what_killed_processes_left_goes_at_the_next_write_of_the_name(tmp_path, monkeypatch, host):
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    dead, alive = dead_process(), os.getppid()
    for name in ("model", "[m].json"):
        for process in (dead, alive):
            (tmp_path / f".{name}.partial-{host}-{process}-7").mkdir()
            (tmp_path / f".{name}.partial-{host}-{process}-7" / "file").write_text("half")
    (tmp_path / f".model.old-{host}-{dead}-7").mkdir()
    with writing_folder(tmp_path / "model"):
        pass
    assert left_behind(tmp_path, "model") == {"model", f".model.partial-{host}-{alive}-7"}
    write_whole(tmp_path / "[m].json", "{}")
    assert left_behind(tmp_path, "[m]") == {"[m].json", f".[m].json.partial-{host}-{alive}-7"}


def test_what_another_host_is_writing_is_left_to_it(tmp_path, monkeypatch):
    """A process that runs there is none here; only what is a day old can be nobody's."""
    dead = dead_process()
    for name in (f".m.partial-there-{dead}-7", f".m.partial-old-{dead}-7"):
        (tmp_path / name).write_text("half")
    os.utime(tmp_path / f".m.partial-old-{dead}-7", (0, time.time() - 2 * 86_400))
    write_whole(tmp_path / "m", "new")
    assert left_behind(tmp_path, "m") == {"m", f".m.partial-there-{dead}-7"}


def test_two_hosts_that_write_one_file_do_not_meet(tmp_path, monkeypatch):
    """Process and thread may have the same numbers on both."""
    with writing_file(tmp_path / "m") as mine:
        mine.write_text("mine")
        with monkeypatch.context() as there:
            there.setattr(socket, "gethostname", lambda: "there")
            write_whole(tmp_path / "m", "theirs")
        assert mine.read_text() == "mine"
    assert (tmp_path / "m").read_text() == "mine"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_written_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch, kind):
    """Else a loss of power leaves the new name on an empty file."""
    calls = []
    fsync, replace, rename = os.fsync, Path.replace, Path.rename

    def synced(descriptor):
        inode = os.fstat(descriptor).st_ino
        calls.extend(path.name for path in tmp_path.rglob("*") if path.stat().st_ino == inode)
        fsync(descriptor)

    def moved(move):
        def moving(self, target):
            calls.append(f"-> {target.name}")
            return move(self, target)

        return moving

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", moved(replace))
    monkeypatch.setattr(Path, "rename", moved(rename))
    if kind == "file":
        with writing_file(tmp_path / "m") as partial:
            partial.write_text("new")
        assert calls == [partial.name, "-> m"]
    else:
        with writing_folder(tmp_path / "m") as partial:
            (partial / "a").write_text("new")
            (partial / "below").mkdir()
            (partial / "below" / "b").write_text("new")
        assert sorted(calls[:-1]) == ["a", "b"]
        assert calls[-1] == "-> m"


def test_a_file_that_is_not_written_to_its_end_leaves_no_trace(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")

    def interrupted():
        with writing_file(file) as partial:
            partial.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "\ud800")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_two_threads_that_write_one_file_do_not_meet(tmp_path):
    """Each has a name of its own until the end; the last one stays."""
    file = tmp_path / "file"
    with writing_file(file) as mine:
        mine.write_text("mine")
        other = threading.Thread(target=write_whole, args=(file, "other"))
        other.start()
        other.join()
        assert file.read_text() == "other"
    assert file.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file").symlink_to("real.txt")
    with writing_folder(tmp_path / "folder") as partial:
        (partial / "file").write_text("new")
    write_whole(tmp_path / "file", "new")
    assert (tmp_path / "folder").is_symlink()
    assert (tmp_path / "file").is_symlink()
    assert (tmp_path / "real" / "file").read_text() == "new"
    assert (tmp_path / "real.txt").read_text() == "new"
    assert {path.name for path in tmp_path.iterdir()} == {"real", "real.txt", "folder", "file"}


def test_what_is_no_ordinary_file_is_written_to_as_it_is(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "text")
    assert os.read(reader, 99) == b"text"
    os.close(reader)
    assert pipe.is_fifo()


def test_the_only_process_in_a_folder_is_named_to_the_second(tmp_path):
    folder = tmp_path / "runs" / "model"
    code = """
        import sys
        from pathlib import Path
        from core.system.files import sole_use
        try:
            with sole_use(Path(sys.argv[1]), "work goes on"):
                print("inside")
        except ValueError as error:
            print(error)
    """
    for _ in range(2):  # whoever leaves, leaves it free
        with sole_use(folder, "work goes on"):
            assert run_python(code, str(folder)) == (
                f"work goes on in {folder} (process {os.getpid()}); wait for its end, or stop it\n"
            )
            with pytest.raises(BusyError), sole_use(folder, "work goes on"):
                pytest.fail("inside a second time")
    assert run_python(code, str(folder)) == "inside\n"


def test_a_process_that_dies_leaves_the_folder(tmp_path):
    code = """
        import os, sys
        from pathlib import Path
        from core.system.files import sole_use
        with sole_use(Path(sys.argv[1]), "work goes on"):
            print(os.getpid(), flush=True)
            os._exit(0)
    """
    run_python(code, str(tmp_path))
    with sole_use(tmp_path, "work goes on"):
        pass


def test_who_holds_the_lock_of_a_folder_may_be_its_only_process_too(tmp_path):
    with file_lock(tmp_path), sole_use(tmp_path, "work goes on"):
        pass


@pytest.mark.parametrize("number", [28, 2])
def test_an_error_about_what_is_half_written_names_what_was_to_be_written(tmp_path, number):
    file, folder = tmp_path / "file", tmp_path / "folder"
    for writing, target in ((writing_file, file), (writing_folder, folder)):
        with (
            pytest.raises(OSError, match=rf"\[Errno {number}\] why: '{target}'$"),
            writing(target) as half,
        ):
            raise OSError(number, "why", str(half / "x" if target == folder else half))
        with pytest.raises(OSError, match=rf"\[Errno {number}\] why: '{target}'$"), writing(target):
            raise OSError(number, "why")
        with pytest.raises(OSError, match=rf"\[Errno {number}\] why: 'other'$"), writing(target):
            raise OSError(number, "why", "other")
    assert list(tmp_path.iterdir()) == []


def test_preparing_makes_the_folder_and_nothing_else(tmp_path):
    prepare_file(tmp_path / "a" / "b" / "file")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b"]
    prepare_folder(tmp_path / "c" / "folder")
    assert [path.name for path in (tmp_path / "c").rglob("*")] == []
    prepare_file(Path("/dev/stdout"))


@pytest.mark.parametrize("name", ["x" * 251 + ".txt", "文" * 83 + ".txt"])
def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path, name):
    write_whole(tmp_path / name, "new")
    with writing_folder(tmp_path / f"d{name[1:]}") as partial:
        (partial / "file").write_text("new")
    assert {path.name for path in tmp_path.iterdir()} == {name, f"d{name[1:]}"}


def test_two_long_names_that_begin_alike_do_not_meet(tmp_path):
    with writing_file(tmp_path / ("x" * 200)) as one, writing_file(tmp_path / ("x" * 201)) as two:
        assert one != two
        one.write_text("1")
        two.write_text("2")
    assert (tmp_path / ("x" * 200)).read_text() == "1"
