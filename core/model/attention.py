"""Section 3.2: scaled dot-product attention (Equation 1) and multi-head attention."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.model.fixed_heads import fixed_scores
from core.model.shapes import (
    HeadOutputs,
    HeadShares,
    Keys,
    Queries,
    Stream,
    TokenIds,
    Values,
    Visible,
    Weights,
)
from core.model.taps import Tap

LEAST_SOFTMAX_KEYS = 16
"""PyTorch's CPU softmax is vectorised for rows of at least this length; shorter rows are padded."""


def scaled_dot_product_attention(
    query: Queries, key: Keys, value: Values, visible: Visible
) -> HeadOutputs:
    """Equation 1: softmax(QKᵀ/√d_k) V, over the visible keys only."""
    return attention_weights(attention_scores(query, key), visible) @ value  # B H q d_v


def attention_scores(query: Queries, key: Keys) -> Weights:
    """QKᵀ/√d_k: the products of Equation 1 after scaling, before the mask and the softmax."""
    return (query @ key.transpose(-2, -1)) * (1 / math.sqrt(query.shape[-1]))  # B H q k


def attention_weights(scores: Weights, visible: Visible) -> Weights:
    """The softmax of Equation 1 over the visible keys; hidden keys get exactly zero.

    A query that may attend to nothing gets a row of zeros, never NaN, whatever the hidden scores
    are. The softmax is computed in float32 or higher: half precision is slower and less exact.
    """
    precision = torch.promote_types(scores.dtype, torch.float32)
    lowest = torch.finfo(scores.dtype).min
    seen = torch.where(visible, scores, lowest)
    n_keys = scores.shape[-1]
    if n_keys < LEAST_SOFTMAX_KEYS and scores.device.type == "cpu":
        seen = functional.pad(seen, (0, LEAST_SOFTMAX_KEYS - n_keys), value=-torch.inf)
    weights = torch.softmax(seen, dim=-1, dtype=precision)[..., :n_keys]
    return weights * visible.to(precision)


@dataclass(frozen=True, slots=True)
class KeysValues:
    """Projected keys and values, kept between decoding steps."""

    keys: Tensor  # B H k d_k
    values: Tensor  # B H k d_v

    def append(self, new: "KeysValues") -> "KeysValues":
        return KeysValues(
            torch.cat((self.keys, new.keys), dim=2), torch.cat((self.values, new.values), dim=2)
        )

    def select(self, index: Tensor) -> "KeysValues":
        """Select batch rows, in this order."""
        return KeysValues(self.keys.index_select(0, index), self.values.index_select(0, index))


class MultiHeadAttention(nn.Module):
    """Section 3.2.2: Concat(head_1 .. head_h) W^O = Σ_i head_i W^O_i, with head_i = Attention(x
    W^Q_i, m W^K_i, m W^V_i), where x gives the queries and m, the memory, is attended to.

    W^Q, W^K, W^V and W^O of the paper are the four projections; all heads of one kind lie in one
    matrix, head by head. `head_outputs` taps each head's weights x values, before W^O.

    Args:
        d_model: width of the stream.
        n_heads: h of the paper.
        d_k, d_v: widths of one head's keys and of its values.
        bias: add biases to the projections. Differs from the paper, whose authors' code has none.
        n_fixed: so many of the first heads attend by a fixed pattern of positions, whatever their
            queries and keys are. Differs from the paper, which has none.
    """

    def __init__(
        self, *, d_model: int, n_heads: int, d_k: int, d_v: int, bias: bool, n_fixed: int = 0
    ) -> None:
        super().__init__()
        self.n_heads, self.n_fixed = n_heads, n_fixed
        self.query_projection = nn.Linear(d_model, n_heads * d_k, bias=bias)
        self.key_projection = nn.Linear(d_model, n_heads * d_k, bias=bias)
        self.value_projection = nn.Linear(d_model, n_heads * d_v, bias=bias)
        self.output_projection = nn.Linear(n_heads * d_v, d_model, bias=bias)
        self.queries, self.keys, self.values = Tap(), Tap(), Tap(in_inference=True)
        self.scores, self.weights = Tap(), Tap(in_inference=True)
        self.head_outputs = Tap(in_inference=True)
        self.output = Tap(in_inference=True)

    def project(self, memory: Stream) -> KeysValues:
        """Keys and values of the positions that may be attended to."""
        return KeysValues(
            keys=self.keys(self._split(self.key_projection(memory))),  # B k d_model -> B H k d_k
            values=self.values(self._split(self.value_projection(memory))),
        )

    def forward(self, stream: Stream, memory: KeysValues, visible: Visible) -> Stream:
        """Attend from every position of `stream` to the visible positions of `memory`.

        Equation 1 is computed step by step if heads are fixed, if a probe needs scores or weights, and
        in training on a CPU, where the fused kernel's backward pass is slow. Otherwise PyTorch's fused kernel
        computes the same.

        Args:
            stream: the positions that give the queries.
            memory: what `project` made of the positions that may be attended to.
            visible: True where a query may attend to a key.
        """
        query = self.queries(self._split(self.query_projection(stream)))  # B H q d_k
        if self._writes_out(query):
            scores = attention_scores(query, memory.keys)  # B H q k
            if self.n_fixed:
                fixed = fixed_scores(self.n_fixed, visible, scores.dtype)
                fixed = fixed.expand(
                    len(scores), -1, *scores.shape[2:]
                )  # one mask may serve all rows
                scores = torch.cat((fixed, scores[:, self.n_fixed :]), dim=1)
            scores = self.scores(scores)
            weights = self.weights(attention_weights(scores, visible))  # B H q k
            heads = weights.to(memory.values.dtype) @ memory.values  # B H q d_v
        else:
            heads = functional.scaled_dot_product_attention(
                query, memory.keys, memory.values, attn_mask=visible
            )
        heads = self.head_outputs(heads)
        concatenated = heads.transpose(1, 2).flatten(2)  # B q (H d_v)
        return self.output(self.output_projection(concatenated))  # B q d_model

    def shares(self, heads: HeadOutputs) -> HeadShares:
        """Multiply each head by its own d_v rows of W^O, without adding the heads up.

        The shares of `head_outputs` add up to `output`, apart from the bias. The shares of `values`
        are the transformed vectors v W^O of Kobayashi et al. 2020.
        """
        weight = self.output_projection.weight  # d_model (H d_v)
        by_head = weight.view(weight.shape[0], self.n_heads, -1).permute(1, 2, 0)
        return heads @ by_head  # B H q d_v, H d_v d_model -> B H q d_model

    def _writes_out(self, query: Queries) -> bool:
        """The fused kernel knows no patterns, returns no weights, and is slow backwards on a CPU."""
        if self.n_fixed or self.weights.is_probed or self.scores.is_probed:
            return True
        return query.device.type == "cpu" and torch.is_grad_enabled()

    def _split(self, joined: Tensor) -> Tensor:
        rows, n, width = joined.shape
        return joined.view(rows, n, self.n_heads, width // self.n_heads).transpose(1, 2)  # B H n d


def not_padding(ids: TokenIds, pad_id: int) -> Visible:
    """Every query may attend to every key that is not padding: shape B 1 1 n."""
    return (ids != pad_id)[:, None, None, :]


def causal(n_queries: int, n_keys: int, device: torch.device | None = None) -> Visible:
    """Position i may attend to positions up to i: shape 1 1 q k.

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
