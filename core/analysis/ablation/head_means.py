"""The mean output of every head over a text, stored in the checkpoint's folder as `means.npz`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from core.analysis.trace.capture_corpus import CapturedBatch, capture_batch, real_positions
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_batches
from core.checkpoint.weights import weights_hash
from core.config import KINDS, Kind, ModelConfig, n_layers
from core.model.transformer import attention_tap
from core.system.arrays import read_arrays
from core.system.device import in_float64
from core.system.executor import WorkExecutor
from core.system.files import writing_file
from core.text.batches import TextBatch
from core.text.parallel import text_hash
from core.text.vocabulary import encode_pairs

MEANS = "means.npz"
MOST_BYTES = 50_000_000
"""The largest means.npz that is read; the paper's big model needs less than 300,000 bytes."""


@dataclass(frozen=True, slots=True)
class HeadMeans:
    """Mean output of every head, before W^O, over all positions of a teacher-forced text."""

    outputs: Mapping[Kind, NDArray[np.float32]]  # kind -> N H d_v
    weights_hash: str  # of the weights they were measured with
    data_hash: str  # of the text, source and target
    n_sentences: int

    def save(self, folder: Path) -> None:
        """Write `means.npz` into a checkpoint's folder, completely or not at all."""
        with writing_file(folder / MEANS) as partial, partial.open("wb") as opened:
            np.savez_compressed(
                opened,
                allow_pickle=False,
                weights_hash=np.array(self.weights_hash),
                data_hash=np.array(self.data_hash),
                n_sentences=np.array(self.n_sentences),
                **{str(kind): outputs for kind, outputs in self.outputs.items()},
            )


def read_means(checkpoint: Checkpoint) -> HeadMeans:
    """Open the `means.npz` of a checkpoint's folder.

    Raises:
        ValueError: if the file is missing, cannot be read, or was measured with other weights.
    """
    make = (
        f"make it with: python -m core means --checkpoint {checkpoint.folder} --source TEXT "
        "--reference ITS_TRANSLATION"
    )
    file = (checkpoint.folder or Path()) / MEANS
    if checkpoint.folder is None or not file.is_file():
        raise ValueError(f"{file} is missing, so no head can be set to its mean; {make}")
    try:
        means = _read(file, checkpoint.config)
    except ValueError as error:
        raise ValueError(f"{file} cannot be read ({error}); {make}") from None
    if means.weights_hash != weights_hash(checkpoint.model):
        raise ValueError(f"{file} was measured with other weights than these; {make}")
    return means


def _read(file: Path, config: ModelConfig) -> HeadMeans:
    """Raises ValueError if the file holds no means of a model of this shape."""
    arrays = read_arrays(file, MOST_BYTES)
    for kind in KINDS:
        wanted = (n_layers(config, kind), config.n_heads, config.d_v)
        found = arrays[kind].shape if kind in arrays else None
        if found != wanted or arrays[kind].dtype != np.float32:
            raise ValueError(f"{kind} must be float32 of shape {wanted}, but is of {found}")
    for name in ("weights_hash", "data_hash", "n_sentences"):
        if name not in arrays or arrays[name].size != 1:
            raise ValueError(f"it must hold {name}, one value")
    return HeadMeans(
        {kind: arrays[kind] for kind in KINDS},
        str(arrays["weights_hash"]),
        str(arrays["data_hash"]),
        int(arrays["n_sentences"]),
    )


def head_means(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    *,
    executor: WorkExecutor | None = None,
) -> HeadMeans:
    """Measure the mean head outputs on sentences and their translations.

    Args:
        executor: where they are measured; by default, in this process. The result is the same.

    Raises:
        ValueError: if there are no pairs, or a pair has more tokens than the model has positions.
    """
    if not pairs:
        raise ValueError("a mean needs at least one sentence pair, but the text has none")
    sources, targets = encode_pairs(checkpoint.vocabulary, pairs)
    sums: dict[Kind, NDArray[np.float64]] = {}
    n_positions = dict.fromkeys(KINDS, 0)
    for _, batch in over_batches(_sums, checkpoint, sources, targets, executor):
        for kind, (total, n) in batch.items():
            sums[kind] = sums.get(kind, 0) + total
            n_positions[kind] += n
    means = {kind: (sums[kind] / n_positions[kind]).astype(np.float32) for kind in KINDS}
    return HeadMeans(means, weights_hash(checkpoint.model), text_hash(pairs), len(pairs))


@torch.inference_mode()
def _sums(checkpoint: Checkpoint, batch: TextBatch) -> dict[Kind, tuple[NDArray[np.float64], int]]:
    """The summed outputs of each kind of heads, N H d_v, and at how many positions."""
    model = checkpoint.model
    captured = capture_batch(model, batch, ["*.head_outputs"])
    found = {}
    for kind in KINDS:
        outputs = _outputs(captured, kind, n_layers(model.config, kind))
        found[kind] = in_float64(outputs).sum(1).cpu().numpy(), outputs.shape[1]
    return found


def _outputs(captured: CapturedBatch, kind: Kind, n: int) -> Float[Tensor, "N n H d_v"]:
    """What each head of a kind outputs at every position of a batch that is not padding."""
    of_source = kind == "encoder"
    return torch.stack(
        [
            real_positions(
                captured,
                captured.seen[attention_tap(kind, layer, "head_outputs")],
                of_source=of_source,
            )
            for layer in range(n)
        ]
    )
