"""One folder is one model: weights, configuration, vocabulary, history, scores and card.

    model.safetensors      the weights (half precision when bundled)
    config.json            {"model": ModelConfig, "training": TrainConfig or null}
    sentencepiece.model    the joint vocabulary
    history.jsonl          one line a report of the training
    metrics.json           scores and statistics measured on the finished weights
    card.md                data, licenses, results, known failures
    timeline/STEP.safetensors   where kept: the weights after that step of the same training
    means.npz, pruning.json     where measured: mean head outputs, and how many heads can go

Safe data only: safetensors, JSON, SentencePiece; nothing is ever unpickled.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.checkpoint.bundled import resolve
from core.checkpoint.listing import (
    FILES,
    HISTORY,
    CheckpointError,
    read_history,
    read_text,
    timeline_file,
    timeline_steps,
)
from core.checkpoint.weights import read_tensors, save_weights
from core.config import ModelConfig, TrainConfig
from core.model import Transformer, build
from core.model.inference import store_matrices_by_column_
from core.system.files import write_json, writing_folder
from core.text.vocabulary import JointVocabulary, Vocabulary

WEIGHTS, CONFIG, VOCABULARY = FILES
METRICS, CARD = "metrics.json", "card.md"


@dataclass(frozen=True)
class Checkpoint:
    """A model, ready to run (evaluation mode, float32), and all that is known of it."""

    model: Transformer
    vocabulary: Vocabulary
    training: TrainConfig | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    card: str = ""
    folder: Path | None = None

    @property
    def config(self) -> ModelConfig:
        return self.model.config


def load_checkpoint(
    folder: Path | str, device: torch.device | str = "cpu", *, step: int | None = None
) -> Checkpoint:
    """Read and check a checkpoint folder; `en-de` names the bundled one wherever it lies.

    History, metrics and card may be absent; the other three files must be there and must fit.

    Args:
        step: instead of the finished weights, those after this step, from the folder's timeline.

    Raises:
        CheckpointError: if a file is missing, truncated, or does not fit the configuration, or the
            timeline has no such step.
    """
    folder = resolve(folder)
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder} is no folder; a checkpoint is a folder with {WEIGHTS} in it"
        )
    weights = WEIGHTS if step is None else timeline_file(step)
    if step is not None and step not in timeline_steps(folder):
        raise CheckpointError(
            f"{folder} keeps no weights of step {step}; its timeline has {timeline_steps(folder)}"
        )
    for name in (weights, CONFIG, VOCABULARY):
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder / name} is missing; a checkpoint needs it")
    config, training = _read_config(folder / CONFIG)
    try:
        vocabulary = JointVocabulary((folder / VOCABULARY).read_bytes())
    except ValueError as error:
        raise CheckpointError(f"{folder / VOCABULARY}: {error}") from None
    if len(vocabulary.names) != config.vocabulary_size:
        raise CheckpointError(
            f"{folder / VOCABULARY} has {len(vocabulary.names)} pieces, but {CONFIG} says "
            f"vocabulary_size={config.vocabulary_size}; the files are of different checkpoints"
        )
    if vocabulary.ids != config.ids:
        raise CheckpointError(
            f"{folder / VOCABULARY} has {vocabulary.ids}, but {CONFIG} says {config.ids}; the files "
            "are of different checkpoints"
        )
    tensors = read_tensors(folder / weights)
    with torch.device("meta"):
        model = build(config)
    _check_shapes(folder / weights, tensors, model)
    model = model_with(config, tensors)
    return Checkpoint(
        model=model.to(device),
        vocabulary=vocabulary,
        training=training,
        metrics=read_metrics(folder),
        history=tuple(read_history(folder / HISTORY)),
        card=read_card(folder),
        folder=folder,
    )


def read_metrics(folder: Path) -> dict[str, Any]:
    """What was measured on a checkpoint; nothing if its folder has no such file.

    Raises:
        CheckpointError: if the file cannot be read.
    """
    file = folder / METRICS
    return _read_object(file) if file.is_file() else {}


def read_card(folder: Path) -> str:
    """A checkpoint's card; empty if its folder has none.

    Raises:
        CheckpointError: if the file cannot be read.
    """
    file = folder / CARD
    return read_text(file) if file.is_file() else ""


def save_checkpoint(
    checkpoint: Checkpoint,
    folder: Path | str,
    *,
    half: bool = False,
    timeline: Mapping[int, Path] | None = None,
) -> None:
    """Write a checkpoint folder whole; one that is there already is replaced in a rename.

    Args:
        half: store weights as float16, as the bundled ones are.
        timeline: files of weights to keep beside, by the step of the training they are after.
    """
    training = checkpoint.training.to_json() if checkpoint.training else None
    config = {"model": checkpoint.config.to_json(), "training": training}
    with writing_folder(Path(folder)) as partial:
        save_weights(checkpoint.model.state_dict(), partial / WEIGHTS, half=half)
        (partial / CONFIG).write_text(write_json(config), "utf-8")
        for name, content in checkpoint.vocabulary.files.items():
            (partial / name).write_bytes(content)
        (partial / HISTORY).write_text(
            "".join(json.dumps(line) + "\n" for line in checkpoint.history), "utf-8"
        )
        (partial / METRICS).write_text(write_json(dict(checkpoint.metrics)), "utf-8")
        (partial / CARD).write_text(checkpoint.card, "utf-8")
        for step, file in (timeline or {}).items():
            (partial / timeline_file(step)).parent.mkdir(exist_ok=True)
            save_weights(read_tensors(file), partial / timeline_file(step), half=half)


def model_with(config: ModelConfig, weights: Mapping[str, Tensor]) -> Transformer:
    """A model in evaluation mode with the given weights, as float32."""
    with torch.random.fork_rng(devices=[]):
        model = build(config)
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    store_matrices_by_column_(model)
    return model.eval()


def _read_object(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(read_text(file))
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{file} is no JSON, it may be truncated: {error}") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{file} must hold a JSON object")
    return values


def _read_config(file: Path) -> tuple[ModelConfig, TrainConfig | None]:
    values = _read_object(file)
    if "model" not in values:
        raise CheckpointError(f'{file} must be an object with the key "model"')
    try:
        training = values.get("training")
        return (
            ModelConfig.from_json(values["model"]),
            TrainConfig.from_json(training) if training else None,
        )
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{file}: {error}") from None


def _check_shapes(file: Path, weights: Mapping[str, Tensor], model: Transformer) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name, shape in wanted.items():
        if name not in weights:
            raise CheckpointError(f"{file} lacks the tensor {name}; {CONFIG} asks for it")
        if tuple(weights[name].shape) != shape:
            raise CheckpointError(
                f"{file}: {name} is {tuple(weights[name].shape)}, but {CONFIG} asks for {shape}"
            )
    extra = sorted(set(weights) - set(wanted))
    if extra:
        raise CheckpointError(f"{file} holds tensors that {CONFIG} knows nothing of: {extra[:5]}")
