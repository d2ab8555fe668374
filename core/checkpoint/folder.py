"""One folder is one model: weights, configuration, vocabulary, history, scores and card.

    model.safetensors      the weights (half precision when bundled)
    config.json            {"model": ModelConfig, "training": TrainConfig or null}
    sentencepiece.model    the joint vocabulary
    history.jsonl          the reports of the training, one per line
    metrics.json           scores and statistics measured on the finished weights
    card.md                data, licenses, results, known failures
    timeline/STEP.safetensors   optional: the weights after that step of the training
    means.npz, sweep.json, pruning.json   optional: mean head outputs; BLEU without each head; BLEU
                                          as more and more heads are switched off
    example.npz            optional: a traced sentence, which the Explorer shows first

Safe data only: safetensors, JSON, SentencePiece. Of a Marian folder that holds pytorch_model.bin,
tensors are unpickled and nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.checkpoint.bundled import resolve
from core.checkpoint.header import tensor_shapes
from core.checkpoint.listing import timeline_file, timeline_steps
from core.checkpoint.marian import (
    marian_name,
    positions_name,
    require_marian_fit,
    tied_names,
)
from core.checkpoint.required import (
    CONFIG,
    WEIGHTS,
    CheckpointError,
    RequiredParts,
    read_required,
)
from core.checkpoint.side_files import CARD, HISTORY, METRICS, read_side_files
from core.checkpoint.weights import read_tensors, save_weights
from core.config import ModelConfig, TrainConfig
from core.model import Transformer, build
from core.model.embedding import sinusoids
from core.model.inference import store_matrices_by_column_
from core.system.files import write_json, writing_folder
from core.text.vocabulary import Vocabulary

MOST_POSITION_ERROR = 2e-3
"""Of a position table that a Marian file holds, which may be of float16."""


@dataclass(frozen=True)
class Checkpoint:
    """A model, ready to run (evaluation mode, float32), and the contents of its folder."""

    model: Transformer
    vocabulary: Vocabulary
    training: TrainConfig | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    card: str = ""
    folder: Path | None = None
    notices: tuple[str, ...] = ()
    """A sentence for each of history, metrics and card that could not be used, whole or in part."""

    @property
    def config(self) -> ModelConfig:
        return self.model.config


def load_checkpoint(
    folder: Path | str, device: torch.device | str = "cpu", *, step: int | None = None
) -> Checkpoint:
    """Read and check a checkpoint folder; the name `en-de` finds the bundled one.

    The weights, config.json and the vocabulary must be there and must fit each other; history,
    metrics and card may be missing or bad; `Checkpoint.notices` then says so.

    Args:
        step: load the weights after this step from the timeline, instead of the finished ones.

    Raises:
        CheckpointError: if a file is missing, truncated, or does not fit the configuration, or the
            timeline has no such step.
    """
    folder = resolve(folder)
    if not folder.is_dir():
        raise CheckpointError(
            f"{folder} is not a folder; a checkpoint is a folder with {WEIGHTS} in it"
        )
    weights = WEIGHTS if step is None else timeline_file(step)
    if step is not None and step not in timeline_steps(folder):
        raise CheckpointError(
            f"{folder} keeps no weights of step {step}; its timeline has {timeline_steps(folder)}"
        )
    required = read_required(folder, weights)
    model = model_with(required.config, _weights(folder, required, weights))
    beside = read_side_files(folder, required.config)
    return Checkpoint(
        model=model.to(device),
        vocabulary=required.vocabulary,
        training=required.training,
        metrics=beside.metrics,
        history=beside.history,
        card=beside.card,
        folder=folder,
        notices=beside.notices,
    )


def _weights(folder: Path, required: RequiredParts, weights: str) -> Mapping[str, Tensor]:
    """The tensors of a weight file under our names."""
    if not required.is_marian:
        return read_tensors(folder / weights)
    file, config = folder / required.weights, required.config
    tensors = read_tensors(file)
    try:  # of PyTorch's own file, nothing was known before
        require_marian_fit({name: tuple(each.shape) for name, each in tensors.items()}, config)
    except ValueError as error:
        raise CheckpointError(f"{file} {error}") from None
    _require_tied(file, tensors, config)
    _require_marian_positions(file, tensors, config)
    return {
        name: tensors[marian_name(name, config)].reshape(shape)
        for name, shape in tensor_shapes(config)
    }


def _require_tied(file: Path, tensors: Mapping[str, Tensor], config: ModelConfig) -> None:
    """Raises CheckpointError if what Marian ties is two different tensors in a file."""
    for name, of in tied_names(config).items():
        if name in tensors and not tensors[name].equal(tensors[of]):
            raise CheckpointError(
                f"{file}: {name} differs from {of}; this project's model has one tensor for both"
            )


def _require_marian_positions(
    file: Path, tensors: Mapping[str, Tensor], config: ModelConfig
) -> None:
    """Raises CheckpointError if a file holds other position tables than Marian computes."""
    table = sinusoids(config.max_positions, config.d_model, halves=True)
    for name in map(positions_name, ("encoder", "decoder")):
        found = tensors.get(name, table).float()
        if found.shape != table.shape or not found.allclose(table, atol=MOST_POSITION_ERROR):
            raise CheckpointError(
                f"{file}: {name} is a position table of its own, not Marian's sinusoids; if `python -m "
                "core export` wrote the folder, open the checkpoint that it was exported from"
            )


def save_checkpoint(
    checkpoint: Checkpoint,
    folder: Path | str,
    *,
    half: bool = False,
    timeline: Mapping[int, Path] | None = None,
) -> None:
    """Write a complete checkpoint folder; an existing one is replaced by a rename.

    Args:
        half: store weights as float16, as the bundled ones are.
        timeline: step of the training -> weight file after it, to copy into the timeline; always
            as float16, as these weights are looked at and not trained on.
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
            save_weights(read_tensors(file), partial / timeline_file(step), half=True)


def model_with(config: ModelConfig, weights: Mapping[str, Tensor]) -> Transformer:
    """A model in evaluation mode with the given weights, as float32."""
    with torch.random.fork_rng(devices=[]):
        model = build(config)
    model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    store_matrices_by_column_(model)
    return model.eval()
