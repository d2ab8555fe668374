"""The required files of a checkpoint folder, compared with each other before weights are read.

The list of checkpoints and the loader both use this module, so every folder that is listed loads;
but for a Marian folder's pytorch_model.bin, which only torch can read. It needs no torch, and it allocates no memory for sizes that a file only claims.
"""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.checkpoint.header import Shape, read_shapes, require_fit
from core.checkpoint.marian import (
    GENERATION,
    PYTORCH_WEIGHTS,
    is_marian,
    marian_config,
    marian_files,
    require_marian_fit,
    weights_file,
)
from core.config import ModelConfig, TrainConfig
from core.system.files import link_out_of
from core.system.json_files import read_json
from core.text.marian import SOURCE_FILE, TABLE_FILE, TARGET_FILE, MarianVocabulary
from core.text.vocabulary import JointVocabulary, Vocabulary

FILES = ("model.safetensors", "config.json", "sentencepiece.model")
WEIGHTS, CONFIG, VOCABULARY = FILES
TIMELINE = "timeline"
"""The folder, inside a checkpoint's, of weights during its training."""
MOST_VOCABULARY_BYTES = 16_000_000
Fits = Callable[[Mapping[str, Shape], ModelConfig], None]
"""Raises ValueError if a file's tensors are not those of a configuration."""


class CheckpointError(ValueError):
    """A checkpoint folder cannot be used; the message names the file and the cause."""


@dataclass(frozen=True, slots=True)
class RequiredParts:
    """What a model needs besides its weights, whose names and shapes have been checked."""

    config: ModelConfig
    training: TrainConfig | None
    vocabulary: Vocabulary
    weights: str = WEIGHTS
    """The name of the weight file."""
    is_marian: bool = False
    """Whether the folder is one of Hugging Face's Marian, with names of its own for tensors."""


def read_required(folder: Path, weights: str = WEIGHTS) -> RequiredParts:
    """Read a checkpoint's configuration and vocabulary, and the header of its weights.

    Args:
        weights: the weight file inside the folder; for a step of the timeline, its file.

    Raises:
        CheckpointError: if a file is missing or damaged, or does not fit the others.
    """
    try:
        return _read(folder, weights)
    except ValueError as error:
        raise CheckpointError(f"{folder}{os.sep}{error}") from None


def problem_of(folder: Path) -> str | None:
    """The reason why a folder cannot be loaded, which begins with the file; None if it can.

    A folder that was whole is read again when a file of it was written, put in or taken away.
    """
    try:
        _read_once(folder, _files_of(folder))
    except ValueError as error:
        return str(error)
    return None


@functools.lru_cache(maxsize=1_000)
def _read_once(folder: Path, files: "tuple[_Written, ...]") -> None:
    """A folder that is whole stays so while its files do; any other is read at every call."""
    _read(folder, WEIGHTS)


_Written = tuple[str, int, int, int]


def _files_of(folder: Path) -> tuple[_Written, ...]:
    """What is in a folder and its timeline: names, when each changed, bytes, and which file it is."""
    found = []
    for place in (folder, folder / TIMELINE):
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            for follow in (False, True):  # a link, and what it leads to
                try:
                    stat = entry.stat(follow_symlinks=follow)
                except OSError:
                    continue
                found.append((entry.name, stat.st_ctime_ns, stat.st_size, stat.st_ino))
    return tuple(found)


def model_config_of(folder: Path) -> ModelConfig:
    """The shape of a checkpoint's model.

    Raises:
        CheckpointError: if config.json is missing or cannot be used.
    """
    try:
        return _read_config(folder)[0]
    except ValueError as error:
        raise CheckpointError(f"{folder}{os.sep}{error}") from None


def _read(folder: Path, weights: str) -> RequiredParts:
    """Each ValueError begins with the name of a file."""
    _require_own_files(folder)
    marian = is_marian_folder(folder)
    is_two_sided = marian or _is_two_sided(folder)
    own = (SOURCE_FILE, TARGET_FILE, TABLE_FILE) if is_two_sided else (VOCABULARY,)
    weights = weights_file(folder) if marian else weights
    for name in (weights, CONFIG, *own):
        if not (folder / name).is_file():
            other = f" (or {PYTORCH_WEIGHTS})" if marian and name == weights else ""
            raise ValueError(f"{name}{other} is missing; a checkpoint needs it")
    config, training = _read_config(folder)
    vocabulary = _read_vocabulary(folder, config)
    if weights != PYTORCH_WEIGHTS:  # whose header only torch can read
        _require_weights(folder / weights, config, require_marian_fit if marian else require_fit)
    return RequiredParts(config, training, vocabulary, weights, is_marian=marian)


def _require_own_files(folder: Path) -> None:
    """Raises ValueError if a link leads out of the folder; in Hugging Face's cache, out of the model's."""
    in_cache = folder.parent.name == "snapshots" and folder.parent.parent.name.startswith(
        "models--"
    )
    home = folder.parent.parent if in_cache else folder
    found = link_out_of(folder, home) or link_out_of(folder / TIMELINE, home)
    if found:
        raise ValueError(
            f"{found.relative_to(folder)} is a link that leads out of the checkpoint; put the file "
            "itself in its place"
        )


def _require_weights(file: Path, config: ModelConfig, require: Fits) -> None:
    try:
        shapes = read_shapes(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file.name} cannot be used: {error}") from None
    try:
        require(shapes, config)
    except ValueError as error:
        raise ValueError(f"{file.name} {error}") from None


def _is_two_sided(folder: Path) -> bool:
    """Whether the folder has the vocabulary files of a Marian model, imported or as it is."""
    return (folder / SOURCE_FILE).is_file() and not (folder / VOCABULARY).is_file()


def is_marian_folder(folder: Path) -> bool:
    """Whether a folder is one of Hugging Face's Marian."""
    try:
        return is_marian(_read_values(folder))
    except ValueError:  # said when it is read
        return False


def _read_values(folder: Path, name: str = CONFIG) -> Any:
    try:
        return read_json(folder / name)
    except ValueError as error:
        raise ValueError(f"{name} cannot be used: {error}") from None


def _read_config(folder: Path) -> tuple[ModelConfig, TrainConfig | None]:
    values = _read_values(folder)
    if is_marian(values):
        has_own = (folder / GENERATION).is_file()
        generation = _read_values(folder, GENERATION) if has_own else None
        try:
            return marian_config(values, generation), None
        except (TypeError, ValueError) as error:
            raise ValueError(f"{CONFIG} cannot be used: {error}") from None
    try:
        if isinstance(values, dict) and isinstance(values.get("model_type"), str):
            raise ValueError(
                f"its model_type is {values['model_type'][:40]!r}; of Hugging Face's models this project "
                "opens Marian's, such as those of OPUS-MT"
            )
        if not isinstance(values, dict) or not isinstance(values.get("model"), dict):
            raise ValueError('it must be an object whose key "model" holds an object')
        training = values.get("training")
        if not isinstance(training, dict | None):
            raise ValueError('its key "training" must be an object or null')
        return (
            ModelConfig.from_json(values["model"]),
            TrainConfig.from_json(training) if training else None,
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{CONFIG} cannot be used: {error}") from None


@lru_cache(maxsize=8)
def _vocabulary_of(model: bytes) -> JointVocabulary:
    """All rows of Table 3 share one, and a list is made every few seconds."""
    return JointVocabulary(model)


@lru_cache(maxsize=4)
def _marian_of(files: tuple[tuple[str, bytes], ...], start: int, pad: int) -> MarianVocabulary:
    return MarianVocabulary(dict(files), start=start, pad=pad)


def _read_vocabulary(folder: Path, config: ModelConfig) -> Vocabulary:
    vocabulary: Vocabulary
    if _is_two_sided(folder):
        name = TABLE_FILE
        files = marian_files(folder, is_shared=config.source_vocabulary_size is None)
        vocabulary = _marian_of(tuple(files.items()), config.start_id, config.pad_id)
    else:
        name, vocabulary = VOCABULARY, _read_joint(folder / VOCABULARY)
    for side, size in (
        (vocabulary.source, config.source_vocabulary_size or config.vocabulary_size),
        (vocabulary.target, config.vocabulary_size),
    ):
        if len(side.names) != size:
            raise ValueError(
                f"{name} has {len(side.names)} pieces, but {CONFIG} says "
                f"vocabulary_size={size}; the files are of different checkpoints"
            )
    if vocabulary.ids != config.ids:
        raise ValueError(
            f"{name} has {vocabulary.ids}, but {CONFIG} says {config.ids}; the files are of "
            "different checkpoints"
        )
    return vocabulary


def _read_joint(file: Path) -> JointVocabulary:
    try:
        if (size := file.stat().st_size) > MOST_VOCABULARY_BYTES:
            raise ValueError(f"it has {size:,} bytes; {MOST_VOCABULARY_BYTES:,} is the most")
        return _vocabulary_of(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{VOCABULARY} cannot be used: {error}") from None
