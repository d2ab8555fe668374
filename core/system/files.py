"""Write files and folders completely or not at all: under a temporary name, then renamed.

The temporary name is .NAME.partial-HOST-PROCESS-THREAD. A writer that is killed leaves such a file
behind. The next write of the same name from the same host removes it. A write from another host
removes it only after a day, because hosts that share a disk cannot see each other's processes.
"""

import contextlib
import glob
import hashlib
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout


def write_json(values: Any) -> str:
    """JSON for people to read: indented by two spaces, with non-ASCII letters unescaped."""
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


class OutputError(ValueError):
    """A result cannot be written where it should be."""


def prepare_file(file: Path) -> None:
    """Make a file's folder and check that the file can be written, before long work begins.

    Raises:
        OutputError: naming the file and the cause.
    """
    file = file.resolve()
    if file.is_dir():
        raise OutputError(f"{file} is a folder, so no file can be written there; name another")
    if not file.exists() or file.is_file():
        _require_writable(file)


def prepare_folder(folder: Path) -> None:
    """Like `prepare_file`, for a folder."""
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, so no folder can be written there; name another")
    _require_writable(folder)


def require_replaceable(folder: Path, may_replace: Callable[[Path], bool], what: str) -> None:
    """Check that a folder which is to be written anew holds nothing else that would be lost.

    Args:
        may_replace: whether a folder that is not empty may be replaced.
        what: what may be, in words.

    Raises:
        OutputError: naming the folder.
    """
    folder = folder.resolve()
    if folder.is_dir() and any(folder.iterdir()) and not may_replace(folder):
        raise OutputError(
            f"{folder} is no {what}, and what it holds would be lost; name another folder"
        )


def _require_writable(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; name another") from None


def link_out_of(folder: Path, home: Path | None = None) -> Path | None:
    """The first entry of a folder that is a link to something outside of it; None if there is none.

    A stranger's folder may hold such links. What reads it would show other files of this machine,
    and what writes there would replace them.

    Args:
        home: the folder that links may not leave, instead of `folder`.
    """
    if not folder.is_dir():
        return None
    entries = (entry for entry in sorted(folder.iterdir()) if entry.is_symlink())
    return next((entry for entry in entries if not is_inside(entry, home or folder)), None)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path leads into a folder, after all links."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


@contextmanager
def _named(path: Path, partial: Path) -> Iterator[None]:
    """An error about what is half written names what was to be written."""
    try:
        yield
    except OSError as error:
        if error.filename is None or str(error.filename).startswith(str(partial)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def writing_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill; rename it into place after the block, or remove it on an error."""
    folder = folder.resolve()  # a link stays one
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder, "partial")
    partial = _beside(folder, "partial")
    try:
        with _named(folder, partial):
            partial.mkdir()
            yield partial
            for file in partial.rglob("*"):
                if file.is_file():
                    _flush_to_disk(file)
            _put_in_place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def writing_file(file: Path) -> Iterator[Path]:
    """Yield a path to write to; rename it into place after the block, or remove it on an error.

    A special file such as /dev/stdout is written to directly.
    """
    file = file.resolve()
    if file.exists() and not file.is_file():
        yield file
        return
    _sweep(file, "partial")
    partial = _beside(file, "partial")
    try:
        with _named(file, partial):
            yield partial
            _flush_to_disk(partial)
            partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(file: Path, text: str) -> None:
    """Replace a small text file in one rename."""
    with writing_file(file) as partial:
        partial.write_text(text, "utf-8")


def _put_in_place(partial: Path, folder: Path) -> None:
    """Rename, with what stands there moved aside before, and back again if that fails."""
    old = _beside(folder, "old")
    if folder.exists():
        _sweep(folder, "old")
        folder.rename(old)
    try:
        partial.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    _sweep(folder, "old")


def _beside(path: Path, kind: str) -> Path:
    """A name that is this thread's alone."""
    return path.with_name(f".{_short(path.name)}.{kind}-{_writer()}")


def _short(name: str) -> str:
    """A file system takes names of 255 bytes; beside a long one there has to be room for another."""
    if len(os.fsencode(name)) <= MOST_BYTES_OF_A_NAME:
        return name
    return f"{name[:20]}~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def _writer() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{threading.get_native_id()}"


def _sweep(path: Path, kind: str) -> None:
    """Remove what this thread, or a writer that writes no more, has left beside a path."""
    start = f".{_short(path.name)}.{kind}-"
    for left in path.parent.glob(f"{glob.escape(start)}*"):
        _remove_unless_at_work(left, left.name.removeprefix(start))


def sweep_folder(folder: Path) -> None:
    """Remove what killed writers left half-written in a folder, whatever it was to become.

    A file of a name that is written once, such as the state after one step, is swept only so.
    """
    for left in folder.glob(".*.partial-*"):
        _remove_unless_at_work(left, left.name.rpartition(".partial-")[2])


def _remove_unless_at_work(left: Path, writer: str) -> None:
    if writer != _writer() and _may_be_at_work(left, writer):
        return
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            left.unlink()


LONGEST_WRITE_S = 86_400.0
MOST_BYTES_OF_A_NAME = 120


def _may_be_at_work(left: Path, writer: str) -> bool:
    """Whether a writer may still be at work on what it has left; of another host, for a day."""
    host, process, _ = ("--" + writer).rsplit("-", 2)
    if host.removeprefix("--") == socket.gethostname():
        return _is_alive(process)
    with contextlib.suppress(OSError):
        return time.time() - left.stat().st_mtime < LONGEST_WRITE_S
    return True


def _is_alive(process: str) -> bool:
    """Whether a process of this number runs here; on Windows, where asking would end it, always."""
    if sys.platform == "win32" or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, and is another user's
        return True
    return True


def _flush_to_disk(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


@contextmanager
def file_lock(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, after waiting for other processes; one that dies releases it."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield


class BusyError(ValueError):
    """Another process is working in a folder that only one process may use."""


@contextmanager
def sole_use(folder: Path, doing: str) -> Iterator[None]:
    """Be the only process that works in a folder; a process that dies releases it.

    This lock is independent of `file_lock`: a process may hold both.

    Args:
        doing: what an error says of the other process, such as "a training is running".

    Raises:
        BusyError: at once, if another process is inside.
    """
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / ".process"
    lock = FileLock(folder / ".process.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        number = holder.read_text().strip() if holder.is_file() else ""
        who = f" (process {number})" if number else ""
        raise BusyError(f"{doing} in {folder}{who}; wait for its end, or stop it") from None
    try:
        holder.write_text(f"{os.getpid()}\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
