"""A folder on a disk that all workers share, checked before they work in it."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile

from core.system.executor import WorkExecutor

Digest = str | None


def require_shared(executor: WorkExecutor, folder: Path, files: Sequence[Path] = ()) -> None:
    """Check that workers of other machines can write in a folder, and see files as this process does.

    Raises:
        ValueError: naming the first worker that cannot, and what it lacks.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder, prefix=".seen-by-workers-") as mark:
        mark.write(os.urandom(16))
        mark.flush()
        seen = [str(path.absolute()) for path in (Path(mark.name), *files)]
        ours = _digests(seen)
        for worker, can_write in executor.elsewhere(os.access, str(folder), os.W_OK).items():
            if not can_write:
                raise ValueError(
                    f"the worker {worker} cannot write in {folder}; name a folder on a disk that all workers share"
                )
        for worker, theirs in executor.elsewhere(_digests, seen).items():
            different = [path for path in seen if theirs[path] != ours[path]]
            if different:
                raise ValueError(
                    f"the worker {worker} does not see the same {different[0]}; it must lie on a disk that all "
                    "workers share, under the same name"
                )


def _digests(paths: Sequence[str]) -> dict[str, Digest]:
    """A hash of each file; None where there is none."""
    found: dict[str, Digest] = {}
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            found[path] = None
    return found
