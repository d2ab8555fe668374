"""Whether a folder is a whole checkpoint, told from its files alone: no torch, no weights read."""

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

from core.config import ModelConfig

FILES = ("model.safetensors", "config.json", "sentencepiece.model")


@dataclass(frozen=True, slots=True)
class Listed:
    """A checkpoint folder below a root, and why it cannot be loaded, if so."""

    name: str  # relative to the root, as "en-de" or "table3/base"
    folder: Path
    problem: str | None = None


def list_checkpoints(root: Path) -> list[Listed]:
    """Every folder below `root` that has a checkpoint's configuration or weights, by name."""
    folders = {file.parent for name in FILES for file in root.glob(f"**/{name}")}
    return [
        Listed(folder.relative_to(root).as_posix(), folder, problem_of(folder))
        for folder in sorted(folders)
        if not any(part.startswith(".") for part in folder.relative_to(root).parts)
    ]


def problem_of(folder: Path) -> str | None:
    """What keeps a folder from being loaded, as far as names, sizes and shapes show it."""
    for name in FILES:
        if not (folder / name).is_file():
            return f"{name} is missing"
    try:
        config = model_config_of(folder)
    except (OSError, KeyError, TypeError, ValueError) as error:
        return f"config.json cannot be used: {error}"
    try:
        n_numbers = _n_numbers(folder / "model.safetensors")
    except (OSError, KeyError, TypeError, ValueError) as error:
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
        ValueError: if the file is shorter or longer than its header says.
    """
    with file.open("rb") as opened:
        n_header = int.from_bytes(opened.read(8), "little")
        if n_header > file.stat().st_size:
            raise ValueError("it is truncated, or no safetensors file")
        header = json.loads(opened.read(n_header))
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    size = 8 + n_header + max(tensor["data_offsets"][1] for tensor in tensors)
    if file.stat().st_size != size:
        raise ValueError(f"it has {file.stat().st_size:,} bytes, its header says {size:,}")
    return sum(prod(tensor["shape"]) for tensor in tensors)
