"""Section 3.2: scaled dot-product attention (Equation 1) and multi-head attention."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.model.shapes import (
    HeadOutputs,
    HeadShares,
    Keys,
    Queries,
    Stream,
    TokenIds,
    Visible,
    Weights,
)
from core.model.taps import Tap


def attention_scores(query: Queries, key: Keys) -> Weights:
    """QKᵀ/√d_k: the products of Equation 1 after scaling, before the mask and the softmax."""
    return (query @ key.transpose(-2, -1)) * (1 / math.sqrt(query.shape[-1]))  # B H q k


def attention_weights(scores: Weights, visible: Visible) -> Weights:
    """The softmax of Equation 1 over the visible keys; hidden keys get exactly zero.

    A query that may look nowhere gets a row of zeros, never NaN, whatever the hidden scores are. The
    softmax is worked out in float32 at least: in half precision it is slower as well as rougher.
    """
    precision = torch.promote_types(scores.dtype, torch.float32)
    seen = torch.where(visible, scores, torch.finfo(scores.dtype).min)
    return torch.softmax(seen, dim=-1, dtype=precision) * visible.to(precision)


@dataclass(frozen=True, slots=True)
class KeysValues:
    """What queries look at: projected once, kept between decoding steps."""

    keys: Tensor  # B H k d_k
    values: Tensor  # B H k d_v

    def append(self, new: "KeysValues") -> "KeysValues":
        return KeysValues(
            torch.cat((self.keys, new.keys), dim=2), torch.cat((self.values, new.values), dim=2)
        )

    def rows(self, index: Tensor) -> "KeysValues":
        return KeysValues(self.keys.index_select(0, index), self.values.index_select(0, index))


class MultiHeadAttention(nn.Module):
    """Section 3.2.2: Concat(head_1 .. head_h) W^O, with d_k and d_v of their own.

    W^Q, W^K, W^V and W^O of the paper are the four projections; all heads of one kind lie in one
    matrix, head by head. `head_outputs` taps each head's weights x values, before W^O.

    Differs from the paper: `bias` may add biases to the projections (the authors' code has none).
    """

    def __init__(self, *, d_model: int, n_heads: int, d_k: int, d_v: int, bias: bool) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query_projection = nn.Linear(d_model, n_heads * d_k, bias=bias)
        self.key_projection = nn.Linear(d_model, n_heads * d_k, bias=bias)
        self.value_projection = nn.Linear(d_model, n_heads * d_v, bias=bias)
        self.output_projection = nn.Linear(n_heads * d_v, d_model, bias=bias)
        self.queries, self.keys, self.values = Tap(), Tap(), Tap(is_lean=True)
        self.scores, self.weights, self.head_outputs = Tap(), Tap(is_lean=True), Tap()
        self.output = Tap()

    def project(self, memory: Stream) -> KeysValues:
        """Keys and values of the positions that may be looked at."""
        return KeysValues(
            keys=self.keys(self._split(self.key_projection(memory))),  # B k d_model -> B H k d_k
            values=self.values(self._split(self.value_projection(memory))),
        )

    def forward(self, stream: Stream, memory: KeysValues, visible: Visible) -> Stream:
        query = self.queries(self._split(self.query_projection(stream)))  # -> B H q d_k
        heads = self.head_outputs(self._attend(query, memory, visible))
        joined = heads.transpose(1, 2).flatten(2)  # B H q d_v -> B q (H d_v)
        return self.output(self.output_projection(joined))

    def shares(self, heads: HeadOutputs) -> HeadShares:
        """Each head through its own d_v rows of W^O, before the heads are added.

        Of `head_outputs` the shares add up to `output`, but for the bias; of `values` they are the
        transformed vectors v W^O of Kobayashi et al. 2020.
        """
        weight = self.output_projection.weight  # d_model (H d_v)
        by_head = weight.view(weight.shape[0], self.n_heads, -1).permute(1, 2, 0)
        return heads @ by_head  # B H q d_v, H d_v d_model -> B H q d_model

    def _attend(self, query: Queries, memory: KeysValues, visible: Visible) -> HeadOutputs:
        if self._explicit(query):
            scores = self.scores(attention_scores(query, memory.keys))
            weights = self.weights(attention_weights(scores, visible))
            return weights.to(memory.values.dtype) @ memory.values
        return functional.scaled_dot_product_attention(
            query, memory.keys, memory.values, attn_mask=visible
        )

    def _explicit(self, query: Queries) -> bool:
        """The fused kernel returns no weights, and its backward pass is slow on a CPU."""
        if self.weights.is_probed or self.scores.is_probed:
            return True
        return query.device.type == "cpu" and torch.is_grad_enabled()

    def _split(self, joined: Tensor) -> Tensor:
        rows, n, width = joined.shape
        return joined.view(rows, n, self.n_heads, width // self.n_heads).transpose(1, 2)  # B H n d


def not_padding(ids: TokenIds, pad_id: int) -> Visible:
    """Every query may look at every key that is not padding: shape B 1 1 n."""
    return (ids != pad_id)[:, None, None, :]


def causal(n_queries: int, n_keys: int, device: torch.device | None = None) -> Visible:
    """Position i may look at positions up to i: shape 1 1 q k.

    The queries are the last `n_queries` of `n_keys` positions, as when decoding with a cache.

    Raises:
        ValueError: if there are more queries than keys.
    """
    if n_queries > n_keys:
        raise ValueError(
            f"n_queries={n_queries} exceeds n_keys={n_keys}; queries are the last keys"
        )
    position = torch.arange(n_keys, device=device)
    visible: Tensor = position[None, :] <= position[n_keys - n_queries :, None]
    return visible[None, None]
