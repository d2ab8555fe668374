"""Cross-attention between the words of a sentence pair: weights or norms, of heads and of layers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.analysis.alignment.step_names import STEP_NAMES
from core.analysis.heads.word_attention import AlignmentStep, word_weights
from core.analysis.trace.capture_corpus import capture_corpus
from core.model import Transformer
from core.model.transformer import attention_of, attention_tap
from core.text.pieces import Piece
from core.text.vocabulary import Vocabulary, encode_pairs

Values = Literal["weights", "norms"]
"""Attention weights α, or the lengths of the vectors that they let through, ‖α v W^O‖."""
Reading = tuple[Values, AlignmentStep]
"""What is read of a head, and at which step of the decoder a target word is read."""

VALUES: tuple[Values, ...] = ("weights", "norms")
STEPS: tuple[AlignmentStep, ...] = tuple(STEP_NAMES)
READINGS: tuple[Reading, ...] = tuple((values, step) for values in VALUES for step in STEPS)


@dataclass(frozen=True, slots=True)
class WordMatrices:
    """One sentence pair, read in several ways."""

    index: int
    """The index of the pair in the text."""
    of: Mapping[Reading, NDArray[np.float64]]
    """N (H + 1) t (s + 1): layers; heads, then the layer as a whole; target words; source words, and
    last what falls on special tokens such as `</s>`."""


def word_matrices(
    model: Transformer,
    vocabulary: Vocabulary,
    sources: Sequence[str],
    targets: Sequence[str],
    values: Sequence[Values] = VALUES,
) -> Iterator[WordMatrices]:
    """Force each target, and read how much every target word attends to each source word.

    Numbers are summed over the pieces of a source word and averaged over those of a target word. A
    layer's weights are the mean of its heads' weights. A layer's norms are the lengths of its heads'
    summed vectors, ‖Σ_h α_h v_h W^O_h‖ (Kobayashi et al. 2020, section 5).

    A pair with a side that has no words, or nothing but special tokens, is left out.
    """
    ids = encode_pairs(vocabulary, list(zip(sources, targets, strict=True)))
    full = [i for i, pair in enumerate(zip(*ids, strict=True)) if all(pair)]
    source_ids, target_ids = ([side[i] for i in full] for side in ids)
    tensors = ("weights", "values") if "norms" in values else ("weights",)
    taps = [attention_tap("cross", "*", tensor) for tensor in tensors]
    for captured in capture_corpus(model, source_ids, target_ids, taps):
        for row, index in enumerate(captured.indices):
            keys = vocabulary.source.read([*source_ids[index], model.config.end_id])
            read = vocabulary.target.read(target_ids[index])
            if not keys.words or not read.words:
                continue
            shape = (len(read.pieces) + 1, len(keys.pieces))
            of = {}
            for kind in values:
                matrix = _matrices(model, captured.seen, row, shape, kind)
                for step, of_step in (
                    ("produced", matrix[..., :-1, :]),
                    ("consumed", matrix[..., 1:, :]),
                ):
                    of[kind, step] = _between_words(of_step, read.pieces, keys.pieces)
            yield WordMatrices(full[index], of)  # type: ignore[arg-type]


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
