"""The version of a checkpoint folder: part of the cache key of everything computed from it."""

from pathlib import Path

from core.checkpoint.listing import FILES

VERSIONED_FILES = (*FILES, "metrics.json", "means.npz", "example.npz")

FolderVersion = tuple[str, tuple[tuple[int, int] | None, ...]]
"""The folder; then, for each of its files, when it was written (in ns) and its size."""


def folder_version(folder: Path) -> FolderVersion:
    """Another one as soon as a file of the folder is replaced, as by another training."""
    return str(folder), tuple(_written(folder / name) for name in VERSIONED_FILES)


def _written(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
