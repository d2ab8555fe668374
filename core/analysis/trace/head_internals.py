"""All tensors of one head for a sentence: queries, keys, values, scores, weights, output."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.analysis.head_place import HeadPlace
from core.analysis.trace.capture import capture, ids_of
from core.analysis.trace.trace import Trace
from core.config import n_layers
from core.model import Transformer
from core.model.attention import causal
from core.model.transformer import attention_of, attention_tap

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class HeadInternals:
    """All numbers of one head: Equation 1, and its share of the sub-layer's output (section 3.2).

    scores = products / √d_k; weights = softmax(scores) where visible; output = weights · value;
    share = output · W^O_head, and the shares of all heads add up to the sub-layer's output.
    """

    query: Numbers  # q d_k
    key: Numbers  # k d_k
    value: Numbers  # k d_v
    products: Numbers  # q k: QKᵀ
    scores: Numbers  # q k
    visible: NDArray[np.bool_]  # q k, True = may be attended to
    weights: Numbers  # q k
    output: Numbers  # q d_v
    share: Numbers  # q d_model; without the bias of the projection, where there is one
    share_norms: Numbers  # H q: the norm of every head's share, this one's included


@torch.inference_mode()
def head_internals(model: Transformer, trace: Trace, place: HeadPlace) -> HeadInternals:
    """Recompute all tensors of one head for a trace, in the model's own precision.

    Raises:
        ValueError: if the model has no such head, or it is fixed to a pattern.
    """
    kind, layer, head = place.kind, place.layer, place.head
    n, h = n_layers(model.config, kind), model.config.n_heads
    if not (0 <= layer < n and 0 <= head < h):
        raise ValueError(
            f"{place.label} is not a head of this model: {kind} attention has layers 1 to {n}, each "
            f"with heads 1 to {h}"
        )
    if kind == "encoder" and head < model.config.n_fixed_heads:
        raise ValueError(
            f"{place.label} attends by a fixed pattern of positions, so it does not compute Equation 1"
        )
    seen = capture(model, *ids_of(model, trace), [attention_tap(kind, layer, "*")])

    def of_head(tensor: str) -> Tensor:
        return seen[attention_tap(kind, layer, tensor)][0, head]

    shares = attention_of(model, kind, layer).shares(
        seen[attention_tap(kind, layer, "head_outputs")]
    )[0]  # H q d_model
    query, key = of_head("queries"), of_head("keys")
    visible = torch.ones(len(query), len(key), dtype=torch.bool)
    if kind == "decoder":
        visible = causal(len(query), len(key))[0, 0]
    tensors = {
        "query": query,
        "key": key,
        "value": of_head("values"),
        "products": query @ key.T,
        "scores": of_head("scores"),
        "visible": visible,
        "weights": of_head("weights"),
        "output": of_head("head_outputs"),
        "share": shares[head],
        "share_norms": shares.norm(dim=-1),
    }
    return HeadInternals(**{name: tensor.cpu().numpy() for name, tensor in tensors.items()})
