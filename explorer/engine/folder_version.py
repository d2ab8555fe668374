"""The version of a checkpoint folder: part of the cache key of everything computed from it."""

from collections.abc import Sequence
from pathlib import Path

from core.checkpoint.listing import timeline_file, timeline_steps
from core.checkpoint.marian import MARIAN_FILES
from core.checkpoint.required import FILES

VERSIONED_FILES = (*FILES, *MARIAN_FILES, "metrics.json", "means.npz", "example.npz")

FolderVersion = tuple[str, tuple[tuple[str, tuple[int, int] | None], ...]]
"""The folder; then, for each of its files, when it was written (in ns) and its size."""


def folder_version(folder: Path, names: Sequence[str] | None = None) -> FolderVersion:
    """A version that changes when a file of the folder is replaced, for example by a new training.

    Args:
        names: the files to check; by default, all that a model or a result depends on.
    """
    if names is None:
        names = (*VERSIONED_FILES, *map(timeline_file, timeline_steps(folder)))
    return str(folder), tuple((name, _written(folder / name)) for name in names)


def _written(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
