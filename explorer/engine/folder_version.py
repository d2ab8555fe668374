"""The version of a checkpoint folder: part of the cache key of everything computed from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from core.checkpoint.listing import timeline_file, timeline_steps
from core.checkpoint.marian import MARIAN_FILES
from core.checkpoint.required import FILES, CheckpointError

MODEL_FILES = (*FILES, *MARIAN_FILES)
VERSIONED_FILES = (*MODEL_FILES, "metrics.json", "means.npz", "example.npz")

FolderVersion = tuple[str, tuple[tuple[str, tuple[int, int] | None], ...]]
"""The folder; then, for each of its files, when it was written (in ns) and its size."""

_FIRST_SEEN: ContextVar[dict[tuple[Path, tuple[str, ...] | None], FolderVersion] | None] = (
    ContextVar("first_seen", default=None)
)


@contextmanager
def as_first_seen() -> Iterator[None]:
    """Within this block a folder keeps the version that it has when it is first asked for.

    What a page computes from a trace is thus kept with the model of the trace, even if another
    training replaces the model while the page is drawn.
    """
    token = _FIRST_SEEN.set({})
    try:
        yield
    finally:
        _FIRST_SEEN.reset(token)


def folder_version(folder: Path, names: tuple[str, ...] | None = None) -> FolderVersion:
    """A version that changes when a file of the folder is replaced, for example by a new training.

    Args:
        names: the files to check; by default, all that a model or a result depends on.
    """
    seen = _FIRST_SEEN.get()
    if seen is None:
        return _version_now(folder, names)
    key = folder, names
    if key not in seen:
        seen[key] = _version_now(folder, names)
    return seen[key]


def require_same_model(seen: FolderVersion) -> None:
    """What was read of a folder just now is the model of the version that was seen before.

    Raises:
        CheckpointError: another model has taken its place since.
    """
    folder, files = seen
    _, now = _version_now(Path(folder), MODEL_FILES)
    if not set(now) <= set(files):
        raise CheckpointError(f"{folder} was replaced by another model while this page was made")


def _version_now(folder: Path, names: tuple[str, ...] | None) -> FolderVersion:
    if names is None:
        names = (*VERSIONED_FILES, *map(timeline_file, timeline_steps(folder)))
    return str(folder), tuple((name, _written(folder / name)) for name in names)


def _written(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
