"""Cross-attention between the words of a sentence pair: weights or norms, of heads and of layers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.analysis.alignment.step_names import STEP_NAMES
from core.analysis.heads.word_attention import AlignmentStep, word_weights
from core.analysis.trace.capture_corpus import capture_batch
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_batches
from core.model import Transformer
from core.model.transformer import attention_of, attention_tap
from core.system.executor import WorkExecutor
from core.text.batches import TextBatch
from core.text.pieces import Piece
from core.text.vocabulary import encode_pairs

Result = TypeVar("Result")

Values = Literal["weights", "norms"]
"""Attention weights α, or the lengths of the vectors that they let through, ‖α v W^O‖."""
Reading = tuple[Values, AlignmentStep]
"""What is read of a head, and at which step of the decoder a target word is read."""

VALUES: tuple[Values, ...] = ("weights", "norms")
STEPS: tuple[AlignmentStep, ...] = tuple(STEP_NAMES)
READINGS: tuple[Reading, ...] = tuple((values, step) for values in VALUES for step in STEPS)


WordMatrices = Mapping[Reading, NDArray[np.float64]]
"""One sentence pair. N (H + 1) t (s + 1): layers; heads, then the layer as a whole; target words; source
words, and last what falls on special tokens such as `</s>`."""


def over_word_matrices(
    function: Callable[[WordMatrices], Result],
    checkpoint: Checkpoint,
    sources: Sequence[str],
    targets: Sequence[str],
    values: Sequence[Values] = VALUES,
    executor: WorkExecutor | None = None,
) -> Iterator[tuple[int, Result]]:
    """Force each target, and read how much every target word attends to each source word.

    Numbers are summed over the pieces of a source word and averaged over those of a target word. A
    layer's weights are the mean of its heads' weights. A layer's norms are the lengths of its heads'
    summed vectors, ‖Σ_h α_h v_h W^O_h‖ (Kobayashi et al. 2020, section 5).

    Args:
        function: of a module, or a `partial` of one; matrices are large, so it runs where they are.
        executor: where the text is read; by default, in this process. The result is the same.

    Yields:
        The index of a pair in the text, and `function` of its matrices. A pair with a side that has
        no words, or nothing but special tokens, is left out.
    """
    ids = encode_pairs(checkpoint.vocabulary, list(zip(sources, targets, strict=True)))
    full = [i for i, pair in enumerate(zip(*ids, strict=True)) if all(pair)]
    source_ids, target_ids = ([side[i] for i in full] for side in ids)
    of_batch = partial(_of_batch, function=function, values=tuple(values))
    for indices, results in over_batches(of_batch, checkpoint, source_ids, target_ids, executor):
        for row, result in results:
            yield full[indices[row]], result


def _of_batch(
    checkpoint: Checkpoint,
    batch: TextBatch,
    *,
    function: Callable[[WordMatrices], Result],
    values: Sequence[Values],
) -> list[tuple[int, Result]]:
    """The row of each pair that has words, and `function` of its matrices."""
    vocabulary, end_id = checkpoint.vocabulary, checkpoint.config.end_id
    tensors = ("weights", "values") if "norms" in values else ("weights",)
    taps = [attention_tap("cross", "*", tensor) for tensor in tensors]
    seen = capture_batch(checkpoint.model, batch, taps).seen
    found = []
    for row, (source, target) in enumerate(zip(batch.sources, batch.targets, strict=True)):
        keys, read = vocabulary.source.read([*source, end_id]), vocabulary.target.read(target)
        if not keys.words or not read.words:
            continue
        shape, of = (len(read.pieces) + 1, len(keys.pieces)), {}
        for kind in values:
            matrix = _matrices(checkpoint.model, seen, row, shape, kind)
            for step, of_step in zip(STEPS, (matrix[..., :-1, :], matrix[..., 1:, :]), strict=True):
                of[kind, step] = _between_words(of_step, read.pieces, keys.pieces)
        found.append((row, function(of)))
    return found


def _between_words(
    matrix: NDArray[Any], queries: Sequence[Piece], keys: Sequence[Piece]
) -> NDArray[np.float64]:
    return np.asarray(word_weights(matrix, queries, keys, with_special=True), np.float64)


@torch.inference_mode()
def _matrices(
    model: Transformer, seen: Mapping[str, Tensor], row: int, shape: tuple[int, int], values: Values
) -> NDArray[Any]:
    """Between tokens: N (H + 1) q k."""
    layers = []
    for layer in range(model.config.n_decoder_layers):
        weights = seen[attention_tap("cross", layer)][row, :, : shape[0], : shape[1]]  # H q k
        if values == "weights":
            layers.append(torch.cat((weights, weights.mean(0, keepdim=True))))
        else:
            projected = seen[attention_tap("cross", layer, "values")][row, None, :, : shape[1]]
            vectors = attention_of(model, "cross", layer).shares(projected)[0]  # H k d_model
            layers.append(_norms(weights.to(vectors.dtype), vectors))
    return torch.stack(layers).cpu().double().numpy()


def _norms(weights: Tensor, vectors: Tensor) -> Tensor:
    """H q k and H k d_model -> (H + 1) q k; the last is the length of the heads' summed vectors."""
    of_heads = weights * vectors.norm(dim=-1)[:, None]
    of_layer = torch.einsum("hqk,hkd->qkd", weights, vectors).norm(dim=-1)
    return torch.cat((of_heads, of_layer[None]))
