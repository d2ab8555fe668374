"""The score of a query and a key, split by the writers of both."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.analysis.head_place import HeadPlace
from core.analysis.scores.writers import BIASES, WRITER_TAPS, written
from core.analysis.trace.capture import capture, ids_of
from core.analysis.trace.trace import Trace
from core.config import n_layers
from core.model import Transformer
from core.model.transformer import attention_of


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """One query of one head: `parts.sum((0, 1))` is the score of every key, before the softmax.

    The biases of the projections belong to the writer `biases`.
    """

    query_writers: tuple[str, ...]
    key_writers: tuple[str, ...]
    parts: NDArray[np.float64]  # Wq Wk k

    @property
    def scores(self) -> NDArray[np.float64]:
        return np.asarray(self.parts.sum((0, 1)))


@torch.inference_mode()
def score_parts(model: Transformer, trace: Trace, place: HeadPlace, query: int) -> ScoreParts:
    """Split q·k/√d_k of one query, for every key that it may attend to.

    Args:
        query: from 0: the position in the encoder, or the step.

    Raises:
        ValueError: if there is no such query or head.
    """
    n_queries = len(trace.source.pieces if place.kind == "encoder" else trace.steps)
    if not 0 <= query < n_queries:
        raise ValueError(f"query {query} is not one of 0 .. {n_queries - 1}")
    config = model.config
    if not (0 <= place.layer < n_layers(config, place.kind) and 0 <= place.head < config.n_heads):
        raise ValueError(f"{place.label} is none of this model's heads")
    if place.kind == "encoder" and place.head < config.n_fixed_heads:
        raise ValueError(f"{place.label} attends by a fixed pattern, so its scores are no products")
    seen = capture(model, *ids_of(model, trace), WRITER_TAPS)
    of_queries, of_keys = written(model, seen, place.kind, place.layer)
    attention = attention_of(model, place.kind, place.layer)
    d_k = attention.query_projection.out_features // attention.n_heads
    rows = slice(place.head * d_k, (place.head + 1) * d_k)
    n_keys = query + 1 if place.kind == "decoder" else of_keys.parts.shape[1]

    def projected(
        parts: torch.Tensor, names: tuple[str, ...], linear: torch.nn.Linear
    ) -> torch.Tensor:
        made = parts @ linear.weight[rows].T  # W .. d_k
        if linear.bias is not None:
            made[names.index(BIASES)] += linear.bias[rows]
        return made

    q = projected(of_queries.parts[:, query], of_queries.writers, attention.query_projection)
    k = projected(of_keys.parts[:, :n_keys], of_keys.writers, attention.key_projection)
    parts = torch.einsum("qd,wkd->qwk", q, k) / d_k**0.5
    return ScoreParts(of_queries.writers, of_keys.writers, parts.cpu().double().numpy())
