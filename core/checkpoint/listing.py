"""List checkpoint folders and running trainings from their files, without torch or reading
weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.checkpoint.hub import name_of
from core.checkpoint.required import FILES, TIMELINE, problem_of
from core.checkpoint.side_files import HISTORY
from core.system.files import is_inside


@dataclass(frozen=True, slots=True)
class CheckpointEntry:
    """A checkpoint folder below a root, and the reason if it cannot be loaded."""

    name: str  # relative to the root, as "en-de" or "table3/base"
    folder: Path
    problem: str | None = None


def list_checkpoints(root: Path) -> list[CheckpointEntry]:
    """Every folder that has a checkpoint's configuration or weights, `root` itself or below it."""
    folders = {file.parent for name in FILES for file in root.glob(f"**/{name}")}
    return [
        CheckpointEntry(
            name_of(root) if folder == root else folder.relative_to(root).as_posix(),
            folder,
            problem_of(folder),
        )
        for folder in sorted(folders)
        if not any(part.startswith(".") for part in folder.relative_to(root).parts)
    ]


def files_below(root: Path, pattern: str) -> list[Path]:
    """What matches below a folder, sorted: nothing in hidden folders, and no link out of it."""
    return [
        file
        for file in sorted(root.glob(pattern))
        if not any(part.startswith(".") for part in file.relative_to(root).parts[:-1])
        and is_inside(file, root)
    ]


def timeline_file(step: int) -> str:
    """Name, inside a checkpoint folder, of the weights after that step of its training."""
    return f"{TIMELINE}/{step:07d}.safetensors"


def timeline_steps(folder: Path) -> list[int]:
    """The steps in a checkpoint folder's timeline; often none."""
    names = [file.stem for file in (folder / TIMELINE).glob("*.safetensors")]
    return sorted(int(name) for name in names if name.isdecimal())


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """The reports of one training, finished or not."""

    name: str  # a checkpoint's name, or the path of a training's state, as "runs/en-de"
    file: Path
    is_finished: bool = True  # else a training may still write to it


def list_histories(roots: Sequence[Path], runs: Path) -> list[HistoryEntry]:
    """Histories of finished checkpoints, by name; then of trainings whose state is in `runs`.

    Where two roots have a checkpoint of the same name, the later one is named after its root too.
    In `runs`, `train` makes the folder runs/NAME, and `table3` runs/table3/VARIANT for each
    variant. A training that is already listed as a finished checkpoint is left out.
    """
    named: dict[str, Path] = {}
    for root in roots:
        for name, file in _histories(root, "**"):
            named[f"{name} ({root.name})" if name in named else name] = file
    finished = [HistoryEntry(name, file) for name, file in named.items()]
    running = [
        HistoryEntry(f"runs/{name}", file, is_finished=False)
        for name, file in [*_histories(runs, "*"), *_histories(runs, "*/*")]
        if not any(_is_copy(file, item.file) for item in finished)
    ]
    return [*finished, *running]


def _is_copy(file: Path, other: Path) -> bool:
    """Whether two files hold the same; one that cannot be read is no copy."""
    try:
        return (
            file.stat().st_size == other.stat().st_size and file.read_bytes() == other.read_bytes()
        )
    except OSError:
        return False


def _histories(root: Path, where: str) -> list[tuple[str, Path]]:
    """Name and file of each history that is not empty."""
    return [
        (file.parent.relative_to(root).as_posix(), file)
        for file in files_below(root, f"{where}/{HISTORY}")
        if file.is_file() and file.stat().st_size
    ]
