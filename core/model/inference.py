"""Section 3 as plain operations without modules: fast inference when probes need only the weights.

On short sentences, Python calls take more time than matrix products: at d_model 128, modules, masks
and taps take half of a decoding step (docs/decisions/0009). So this file writes the layers a second
time, as operations on the same parameters, with the two taps that pictures need: `weights` and
`values`. Training, dropout, gradients and all other taps use the modules; tests check that both
give the same. Torch's own hooks on modules do not run here; use taps.

Parameters are looked up when a pass begins, so that a replaced parameter is never missed.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from core.model.attention import KeysValues, MultiHeadAttention, causal
from core.model.decoder_state import Decoded, DecoderState, LayerState, LayerStep, Memory
from core.model.embedding import Embedding
from core.model.feedforward import FeedForward
from core.model.layers import AddAndNorm, DecoderLayer, EncoderLayer
from core.model.shapes import SourceIds, Stream, TargetIds, TokenIds, Visible
from core.model.taps import Tap

Penalty = Float[Tensor, "#rows_and_heads #q #k"]
"""Added to scores: 0 where the query may attend, else the lowest finite number."""
PenaltyOfSource = Float[Tensor, "#rows_and_heads 1 S"]


def penalty_of(visible: Visible, n_heads: int, like: Tensor) -> Penalty:
    """The mask as numbers, in the precision of `like`; rows and heads are one axis."""
    lowest = torch.finfo(like.dtype).min
    penalty = like.new_zeros(visible.shape).masked_fill_(~visible, lowest)  # B 1 q k
    if len(penalty) > 1:
        penalty = penalty.expand(-1, n_heads, -1, -1)
    return penalty.flatten(0, 1)


class Linear(NamedTuple):
    weight: Tensor
    bias: Tensor | None

    @classmethod
    def of(cls, module: nn.Linear) -> "Linear":
        return cls(module.weight, module.bias)


class Norm(NamedTuple):
    """LayerNorm(x + Sublayer(x))."""

    shape: tuple[int, ...]
    weight: Tensor
    bias: Tensor
    epsilon: float

    @classmethod
    def of(cls, module: AddAndNorm) -> "Norm":
        norm = module.norm
        return cls(tuple(norm.normalized_shape), norm.weight, norm.bias, norm.eps)

    def __call__(self, stream: Stream, sublayer_output: Stream) -> Stream:
        return torch.layer_norm(
            stream + sublayer_output, self.shape, self.weight, self.bias, self.epsilon
        )


class BareFeedForward(NamedTuple):
    """Equation 2."""

    inner: Linear
    outer: Linear
    activation: Callable[[Tensor], Tensor]

    @classmethod
    def of(cls, module: FeedForward) -> "BareFeedForward":
        return cls(Linear.of(module.inner), Linear.of(module.outer), module.activation)

    def __call__(self, stream: Stream) -> Stream:
        hidden = self.activation(functional.linear(stream, *self.inner))
        return functional.linear(hidden, *self.outer)


class BareAttention(NamedTuple):
    """Equation 1 for all heads, the rows and heads of a batch as one axis."""

    query: Linear
    key: Linear
    value: Linear
    output: Linear
    n_heads: int
    scale: float
    weights: Tap
    values: Tap

    @classmethod
    def of(cls, module: MultiHeadAttention) -> "BareAttention":
        d_k = module.query_projection.out_features // module.n_heads
        return cls(
            query=Linear.of(module.query_projection),
            key=Linear.of(module.key_projection),
            value=Linear.of(module.value_projection),
            output=Linear.of(module.output_projection),
            n_heads=module.n_heads,
            scale=1 / math.sqrt(d_k),
            weights=module.weights,
            values=module.values,
        )

    def project(self, memory: Stream) -> KeysValues:
        return KeysValues(
            keys=self._split(functional.linear(memory, *self.key)),
            values=self.values(self._split(functional.linear(memory, *self.value))),
        )

    def __call__(self, stream: Stream, memory: KeysValues, penalty: Penalty) -> Stream:
        rows, n, _ = stream.shape
        query = self._split(functional.linear(stream, *self.query)).flatten(0, 1)
        keys = memory.keys.flatten(0, 1).transpose(1, 2)
        scores = torch.baddbmm(penalty, query, keys, alpha=self.scale)
        weights = torch.softmax(scores, dim=-1)
        if self.weights.is_probed:
            by_head = weights.view(rows, self.n_heads, n, -1)
            weights = self.weights(by_head).flatten(0, 1)
        heads = torch.bmm(weights, memory.values.flatten(0, 1))
        return functional.linear(self._join(heads, rows, n), *self.output)

    def _split(self, joined: Tensor) -> Tensor:
        """B n (H d) -> B H n d; contiguous, and for one position no copy."""
        rows, n, width = joined.shape
        if n == 1:
            return joined.view(rows, self.n_heads, 1, width // self.n_heads)
        return joined.view(rows, n, self.n_heads, -1).transpose(1, 2).contiguous()

    def _join(self, heads: Tensor, rows: int, n: int) -> Tensor:
        """(B H) n d -> B n (H d)."""
        if n == 1:
            return heads.view(rows, 1, -1)
        return heads.view(rows, self.n_heads, n, -1).transpose(1, 2).flatten(2)


class BareEncoderLayer(NamedTuple):
    attention: BareAttention
    attention_norm: Norm
    feed_forward: BareFeedForward
    feed_forward_norm: Norm

    @classmethod
    def of(cls, layer: EncoderLayer) -> "BareEncoderLayer":
        return cls(
            BareAttention.of(layer.self_attention),
            Norm.of(layer.self_attention_norm),
            BareFeedForward.of(cast(FeedForward, layer.feed_forward)),
            Norm.of(layer.feed_forward_norm),
        )

    def __call__(self, stream: Stream, penalty: Penalty) -> Stream:
        attended = self.attention(stream, self.attention.project(stream), penalty)
        stream = self.attention_norm(stream, attended)
        return self.feed_forward_norm(stream, self.feed_forward(stream))


class BareDecoderLayer(NamedTuple):
    self_attention: BareAttention
    self_attention_norm: Norm
    cross_attention: BareAttention
    cross_attention_norm: Norm
    feed_forward: BareFeedForward
    feed_forward_norm: Norm

    @classmethod
    def of(cls, layer: DecoderLayer) -> "BareDecoderLayer":
        return cls(
            BareAttention.of(layer.self_attention),
            Norm.of(layer.self_attention_norm),
            BareAttention.of(layer.cross_attention),
            Norm.of(layer.cross_attention_norm),
            BareFeedForward.of(cast(FeedForward, layer.feed_forward)),
            Norm.of(layer.feed_forward_norm),
        )

    def __call__(
        self,
        stream: Stream,
        state: LayerState,
        self_penalty: Penalty,
        cross_penalty: PenaltyOfSource,
    ) -> LayerStep:
        past = self.self_attention.project(stream)
        past = state.past.append(past) if state.past else past
        attended = self.self_attention(stream, past, self_penalty)
        stream = self.self_attention_norm(stream, attended)
        attended = self.cross_attention(stream, state.cross, cross_penalty)
        stream = self.cross_attention_norm(stream, attended)
        stream = self.feed_forward_norm(stream, self.feed_forward(stream))
        return LayerStep(stream, LayerState(cross=state.cross, past=past))


class BareEncoder(NamedTuple):
    layers: tuple[BareEncoderLayer, ...]

    @classmethod
    def of(cls, layers: nn.ModuleList) -> "BareEncoder":
        return cls(tuple(map(BareEncoderLayer.of, cast(Iterable[EncoderLayer], layers))))

    def __call__(self, table: Embedding, ids: SourceIds, visible: Visible) -> Stream:
        stream = _embedded(table, ids, first=0)
        penalty = penalty_of(visible, self.layers[0].attention.n_heads, stream)
        for layer in self.layers:
            stream = layer(stream, penalty)
        return stream


class BareDecoder(NamedTuple):
    layers: tuple[BareDecoderLayer, ...]

    @classmethod
    def of(cls, layers: nn.ModuleList) -> "BareDecoder":
        return cls(tuple(map(BareDecoderLayer.of, cast(Iterable[DecoderLayer], layers))))

    def start(self, memory: Memory) -> DecoderState:
        layers = (LayerState(layer.cross_attention.project(memory.stream)) for layer in self.layers)
        return DecoderState(tuple(layers), memory.visible, memory.examples, bare=self)

    def __call__(self, table: Embedding, ids: TargetIds, state: DecoderState) -> Decoded:
        n_new, n_heads = ids.shape[1], self.layers[0].self_attention.n_heads
        stream = _embedded(table, ids, first=state.n_past)
        cross = penalty_of(state.cross_visible, n_heads, stream)
        past = stream.new_zeros(1, 1, 1)  # one new position attends to all positions
        if n_new > 1:
            past = penalty_of(causal(n_new, state.n_past + n_new, ids.device), n_heads, stream)
        layers = []
        for layer, layer_state in zip(self.layers, state.layers, strict=True):
            step = layer(stream, layer_state, past, cross)
            stream = step.stream
            layers.append(step.state)
        return Decoded(stream, state.after(layers, n_new))


def _embedded(table: Embedding, ids: TokenIds, first: int) -> Stream:
    n = ids.shape[1]
    table.check_positions(first, first + n - 1)
    tokens = table.embed(ids)
    if table.positions is None:
        return tokens
    if table.draft is None:
        return tokens + table.positions[first : first + n]
    return tokens + table.positions_for(table.position_ids(ids, first))


def store_matrices_by_column_(model: nn.Module) -> None:
    """Store wide matrices column by column, the order in which a product with one row reads them.

    Values and names of the parameters do not change. One row times a matrix takes as long as
    reading the matrix, and row by row that took twice as long for the vocabulary's matrix
    (docs/decisions/0009). Matrices with fewer outputs than inputs, such as W_2 of Equation 2, need
    no change.
    """
    for parameter in model.parameters():
        if parameter.dim() == 2 and parameter.shape[0] >= parameter.shape[1]:
            parameter.data = parameter.data.t().contiguous().t()
