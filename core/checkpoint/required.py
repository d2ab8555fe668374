"""The required files of a checkpoint folder, compared with each other before weights are read.

The list of checkpoints and the loader both use this module, so every folder that is listed loads.
It needs no torch, and it allocates no memory for sizes that a file only claims.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.checkpoint.header import read_shapes, require_fit
from core.config import ModelConfig, TrainConfig
from core.system.json_files import read_json
from core.text.vocabulary import JointVocabulary

FILES = ("model.safetensors", "config.json", "sentencepiece.model")
WEIGHTS, CONFIG, VOCABULARY = FILES
MOST_VOCABULARY_BYTES = 16_000_000


class CheckpointError(ValueError):
    """A checkpoint folder cannot be used; the message names the file and the cause."""


@dataclass(frozen=True, slots=True)
class RequiredParts:
    """What a model needs besides its weights, whose names and shapes have been checked."""

    config: ModelConfig
    training: TrainConfig | None
    vocabulary: JointVocabulary


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
    """The reason why a folder cannot be loaded, which begins with the file; None if it can."""
    try:
        _read(folder, WEIGHTS)
    except ValueError as error:
        return str(error)
    return None


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
    for name in (weights, CONFIG, VOCABULARY):
        if not (folder / name).is_file():
            raise ValueError(f"{name} is missing; a checkpoint needs it")
    config, training = _read_config(folder)
    vocabulary = _read_vocabulary(folder, config)
    try:
        shapes = read_shapes(folder / weights)
    except (OSError, ValueError) as error:
        raise ValueError(f"{weights} cannot be used: {error}") from None
    try:
        require_fit(shapes, config)
    except ValueError as error:
        raise ValueError(f"{weights} {error}") from None
    return RequiredParts(config, training, vocabulary)


def _read_config(folder: Path) -> tuple[ModelConfig, TrainConfig | None]:
    try:
        values = read_json(folder / CONFIG)
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


def _read_vocabulary(folder: Path, config: ModelConfig) -> JointVocabulary:
    file = folder / VOCABULARY
    try:
        if (size := file.stat().st_size) > MOST_VOCABULARY_BYTES:
            raise ValueError(f"it has {size:,} bytes; {MOST_VOCABULARY_BYTES:,} is the most")
        vocabulary = _vocabulary_of(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{VOCABULARY} cannot be used: {error}") from None
    if len(vocabulary.names) != config.vocabulary_size:
        raise ValueError(
            f"{VOCABULARY} has {len(vocabulary.names)} pieces, but {CONFIG} says "
            f"vocabulary_size={config.vocabulary_size}; the files are of different checkpoints"
        )
    if vocabulary.ids != config.ids:
        raise ValueError(
            f"{VOCABULARY} has {vocabulary.ids}, but {CONFIG} says {config.ids}; the files are of "
            "different checkpoints"
        )
    return vocabulary
