"""List checkpoint folders and running trainings from their files, without torch or reading
weights."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from core.config import ModelConfig

FILES = ("model.safetensors", "config.json", "sentencepiece.model")
HISTORY, TIMELINE = "history.jsonl", "timeline"


class CheckpointError(ValueError):
    """A checkpoint folder cannot be used; the message names the file and the cause."""


@dataclass(frozen=True, slots=True)
class CheckpointEntry:
    """A checkpoint folder below a root, and why it cannot be loaded, if so."""

    name: str  # relative to the root, as "en-de" or "table3/base"
    folder: Path
    problem: str | None = None


def list_checkpoints(root: Path) -> list[CheckpointEntry]:
    """Every folder below `root` that has a checkpoint's configuration or weights, by name."""
    folders = {file.parent for name in FILES for file in root.glob(f"**/{name}")}
    return [
        CheckpointEntry(folder.relative_to(root).as_posix(), folder, problem_of(folder))
        for folder in sorted(folders)
        if not any(part.startswith(".") for part in folder.relative_to(root).parts)
    ]


def problem_of(folder: Path) -> str | None:
    """Why a folder cannot be loaded, as far as names, sizes and shapes show; None if it can."""
    for name in FILES:
        if not (folder / name).is_file():
            return f"{name} is missing"
    try:
        config = model_config_of(folder)
    except (OSError, KeyError, TypeError, ValueError) as error:
        return f"config.json cannot be used: {error}"
    try:
        n_numbers = _n_numbers(folder / "model.safetensors")
    except (OSError, LookupError, TypeError, ValueError) as error:
        return f"model.safetensors cannot be used: {error}"
    if n_numbers != config.n_parameters:
        return (
            f"model.safetensors holds {n_numbers:,} numbers, but config.json describes a model "
            f"of {config.n_parameters:,}"
        )
    return None


def model_config_of(folder: Path) -> ModelConfig:
    """The shape of a checkpoint's model.

    Raises:
        OSError, KeyError, TypeError, ValueError: if config.json is missing or cannot be used.
    """
    return ModelConfig.from_json(json.loads((folder / "config.json").read_text("utf-8"))["model"])


def _n_numbers(file: Path) -> int:
    """How many numbers a safetensors file holds, from its header.

    Raises:
        LookupError, TypeError, ValueError: if it has no such header, or is shorter or longer than that
            says.
    """
    with file.open("rb") as opened:
        n_header = int.from_bytes(opened.read(8), "little")
        if n_header > file.stat().st_size:
            raise ValueError("it is truncated, or no safetensors file")
        header = json.loads(opened.read(n_header))
    if not isinstance(header, dict):
        raise ValueError("its header is no object of tensors")
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    size = 8 + n_header + max(tensor["data_offsets"][1] for tensor in tensors)
    if file.stat().st_size != size:
        raise ValueError(f"it has {file.stat().st_size:,} bytes, its header says {size:,}")
    return sum(prod(tensor["shape"]) for tensor in tensors)


def timeline_file(step: int) -> str:
    """Name, inside a checkpoint folder, of the weights after that step of its training."""
    return f"{TIMELINE}/{step:07d}.safetensors"


def timeline_steps(folder: Path) -> list[int]:
    """The steps whose weights a checkpoint folder keeps, beside its own; often none."""
    names = [file.stem for file in (folder / TIMELINE).glob("*.safetensors")]
    return sorted(int(name) for name in names if name.isdecimal())


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """The reports of one training, finished or not."""

    name: str  # a checkpoint's, or runs/ and where below it the training keeps its state
    file: Path
    is_finished: bool = True  # else a training may still write to it


def list_histories(checkpoints: Path, runs: Path) -> list[HistoryEntry]:
    """Histories of finished checkpoints, by name; then of trainings whose state is in `runs`.

    There, `train` makes one folder and `table3` one folder a row: runs/NAME, runs/table3/ROW. A
    training that is already listed as a finished checkpoint is left out.
    """
    finished = [HistoryEntry(name, file) for name, file in _histories(checkpoints, "**")]
    texts = {item.file.read_bytes() for item in finished}
    running = [
        HistoryEntry(f"runs/{name}", file, is_finished=False)
        for name, file in [*_histories(runs, "*"), *_histories(runs, "*/*")]
        if file.read_bytes() not in texts
    ]
    return [*finished, *running]


def _histories(root: Path, where: str) -> list[tuple[str, Path]]:
    """Name and file of each that holds something and is in no hidden folder."""
    files = sorted(root.glob(f"{where}/{HISTORY}"))
    found = [(file.parent.relative_to(root).as_posix(), file) for file in files]
    return [(name, f) for name, f in found if "/." not in f"/{name}" and f.stat().st_size]


def read_history(file: Path) -> Iterator[dict[str, Any]]:
    """The reports in a history file; a last line cut off, or not yet whole, is passed over.

    Raises:
        CheckpointError: if the file cannot be read, or a line before the last is no JSON.
    """
    if not file.is_file():
        return
    lines = read_text(file).splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            if number < len(lines):
                raise CheckpointError(f"{file}, line {number}: no JSON ({error})") from None


def read_text(file: Path) -> str:
    """Raises CheckpointError if the file is missing or no UTF-8."""
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file} cannot be read as text: {error}") from None
