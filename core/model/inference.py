"""Section 3 as plain operations without modules: fast inference when probes need only the weights.

On short sentences, Python calls take more time than matrix products: at d_model 128, modules, masks
and taps take half of a decoding step (docs/decisions/0009). So this file writes the layers a second
time, as operations on the same parameters, with the taps that pictures and most ablations need:
those of `EmbeddedTokens`, the `weights`, `values`, `head_outputs` and `output` of attention, the
`output` of feed-forward layers, and the bypass around a layer. A stream is a matrix here, a row for
each position of each example, so that a product needs no re-arranging and adds to the stream as it
goes. Training, dropout, gradients and all other taps use the modules; tests check that both give
the same. Torch's own hooks on modules do not run here; use taps.

Parameters are looked up when a pass begins, so that a replaced parameter is never missed.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.model.attention import KeysValues, MultiHeadAttention, causal
from core.model.decoder_state import Decoded, DecoderState, LayerState, Memory
from core.model.embedding import EmbeddedTokens, Embedding
from core.model.feedforward import FeedForward
from core.model.layers import AddAndNorm, Bypass, DecoderLayer, EncoderLayer
from core.model.shapes import SourceIds, Stream, TargetIds, Visible
from core.model.taps import Tap

Penalty = Float[Tensor, "#rows_and_heads #q #k"]
"""Added to scores: 0 where the query may attend, else the lowest finite number."""
PenaltyOfSource = Float[Tensor, "#rows_and_heads #q S"]
Rows = Float[Tensor, "rows _"]
"""One row for each position of each example: a stream on two axes, as matrix products take it."""


def penalty_of(visible: Visible, n_heads: int, like: Tensor) -> Penalty:
    """The mask as numbers, in the precision of `like`; rows and heads are one axis."""
    lowest = torch.finfo(like.dtype).min
    penalty = like.new_zeros(visible.shape).masked_fill_(~visible, lowest)  # B 1 q k
    if len(penalty) > 1:
        penalty = penalty.expand(-1, n_heads, -1, -1)
    return penalty.flatten(0, 1)


class Linear(NamedTuple):
    """x W + b of all rows of a matrix at once."""

    matrix: Tensor  # inputs x outputs
    bias: Tensor | None

    @classmethod
    def of(cls, module: nn.Linear) -> "Linear":
        return cls(module.weight.t(), module.bias)

    def __call__(self, rows: Rows) -> Rows:
        if self.bias is None:
            return torch.mm(rows, self.matrix)
        return torch.addmm(self.bias, rows, self.matrix)

    def added_to(self, stream: Rows, rows: Rows, output: Tap, batch: int) -> Rows:
        """stream + x W + b: the product adds to the stream as it goes, if no probe wants it alone."""
        if output.is_probed:
            return stream + output(self(rows).view(batch, -1, stream.shape[1])).flatten(0, 1)
        total = torch.addmm(stream, rows, self.matrix)
        return total if self.bias is None else total.add_(self.bias)


class Norm(NamedTuple):
    """LayerNorm of a stream to which a sub-layer's output is added already."""

    shape: tuple[int, ...]
    weight: Tensor
    bias: Tensor
    epsilon: float

    @classmethod
    def of(cls, module: AddAndNorm) -> "Norm":
        norm = module.norm
        return cls(tuple(norm.normalized_shape), norm.weight, norm.bias, norm.eps)

    def __call__(self, total: Rows) -> Rows:
        return torch.layer_norm(total, self.shape, self.weight, self.bias, self.epsilon)


class BareFeedForward(NamedTuple):
    """Equation 2, added to the stream."""

    inner: Linear
    outer: Linear
    activation: Callable[[Tensor], Tensor]
    output: Tap

    @classmethod
    def of(cls, module: FeedForward) -> "BareFeedForward":
        inner, outer = Linear.of(module.inner), Linear.of(module.outer)
        return cls(inner, outer, module.activation, module.output)

    def __call__(self, stream: Rows, batch: int) -> Rows:
        hidden = self.activation(self.inner(stream))
        return self.outer.added_to(stream, hidden, self.output, batch)


class BareAttention(NamedTuple):
    """Equation 1 for all heads, added to the stream; the rows and heads of a batch are one axis."""

    query: Linear
    key: Linear
    value: Linear
    output_projection: Linear  # W^O
    n_heads: int
    scale: float
    weights: Tap
    values: Tap
    head_outputs: Tap
    output: Tap

    @classmethod
    def of(cls, module: MultiHeadAttention) -> "BareAttention":
        d_k = module.query_projection.out_features // module.n_heads
        return cls(
            query=Linear.of(module.query_projection),
            key=Linear.of(module.key_projection),
            value=Linear.of(module.value_projection),
            output_projection=Linear.of(module.output_projection),
            n_heads=module.n_heads,
            scale=1 / math.sqrt(d_k),
            weights=module.weights,
            values=module.values,
            head_outputs=module.head_outputs,
            output=module.output,
        )

    def project(self, memory: Rows, batch: int) -> KeysValues:
        return KeysValues(
            keys=self._split(self.key(memory), batch),
            values=self.values(self._split(self.value(memory), batch)),
        )

    def __call__(self, stream: Rows, memory: KeysValues, penalty: Penalty) -> Rows:
        batch = len(memory.keys)
        query = self._split(self.query(stream), batch).flatten(0, 1)
        keys = memory.keys.flatten(0, 1).transpose(1, 2)
        scores = torch.baddbmm(penalty, query, keys, alpha=self.scale)
        weights = torch.softmax(scores, dim=-1)
        weights = self._probed(self.weights, weights)
        heads = self._probed(self.head_outputs, torch.bmm(weights, memory.values.flatten(0, 1)))
        joined = self._join(heads, len(stream))
        return self.output_projection.added_to(stream, joined, self.output, batch)

    def _probed(self, tap: Tap, joined: Tensor) -> Tensor:
        """What a tap makes of a tensor whose first axis is (B H)."""
        if not tap.is_probed:
            return joined
        return tap(joined.view(-1, self.n_heads, *joined.shape[1:])).flatten(0, 1)

    def _split(self, joined: Rows, batch: int) -> Tensor:
        """(B n) (H d) -> B H n d; contiguous, and for one position no copy."""
        rows, width = joined.shape
        if rows == batch:
            return joined.view(batch, self.n_heads, 1, width // self.n_heads)
        return joined.view(batch, rows // batch, self.n_heads, -1).transpose(1, 2).contiguous()

    def _join(self, heads: Tensor, rows: int) -> Rows:
        """(B H) n d -> (B n) (H d)."""
        n = heads.shape[1]
        if n == 1:
            return heads.view(rows, -1)
        return heads.view(rows // n, self.n_heads, n, -1).transpose(1, 2).reshape(rows, -1)


def _bypassed(bypass: Bypass, before: Rows, after: Rows, batch: int) -> Rows:
    """What a layer passes on: rows of examples that skip it are as they were before."""
    if not bypass.skipped.is_probed:
        return after
    shape = batch, -1, after.shape[1]
    passed: Tensor = bypass(before.view(shape), after.view(shape))
    return passed.flatten(0, 1)


class BareEncoderLayer(NamedTuple):
    attention: BareAttention
    attention_norm: Norm
    feed_forward: BareFeedForward
    feed_forward_norm: Norm
    bypass: Bypass

    @classmethod
    def of(cls, layer: EncoderLayer) -> "BareEncoderLayer":
        return cls(
            BareAttention.of(layer.self_attention),
            Norm.of(layer.self_attention_norm),
            BareFeedForward.of(cast(FeedForward, layer.feed_forward)),
            Norm.of(layer.feed_forward_norm),
            layer.bypass,
        )

    def __call__(self, stream: Rows, batch: int, penalty: Penalty) -> Rows:
        before, memory = stream, self.attention.project(stream, batch)
        stream = self.attention_norm(self.attention(stream, memory, penalty))
        stream = self.feed_forward_norm(self.feed_forward(stream, batch))
        return _bypassed(self.bypass, before, stream, batch)


class BareDecoderLayer(NamedTuple):
    self_attention: BareAttention
    self_attention_norm: Norm
    cross_attention: BareAttention
    cross_attention_norm: Norm
    feed_forward: BareFeedForward
    feed_forward_norm: Norm
    bypass: Bypass

    @classmethod
    def of(cls, layer: DecoderLayer) -> "BareDecoderLayer":
        return cls(
            BareAttention.of(layer.self_attention),
            Norm.of(layer.self_attention_norm),
            BareAttention.of(layer.cross_attention),
            Norm.of(layer.cross_attention_norm),
            BareFeedForward.of(cast(FeedForward, layer.feed_forward)),
            Norm.of(layer.feed_forward_norm),
            layer.bypass,
        )

    def __call__(
        self, stream: Rows, state: LayerState, self_penalty: Penalty, cross_penalty: PenaltyOfSource
    ) -> tuple[Rows, LayerState]:
        before, batch = stream, len(state.cross.keys)
        past = self.self_attention.project(stream, batch)
        past = state.past.append(past) if state.past else past
        stream = self.self_attention_norm(self.self_attention(stream, past, self_penalty))
        stream = self.cross_attention_norm(self.cross_attention(stream, state.cross, cross_penalty))
        stream = self.feed_forward_norm(self.feed_forward(stream, batch))
        stream = _bypassed(self.bypass, before, stream, batch)
        return stream, LayerState(cross=state.cross, past=past)


class BareEncoder(NamedTuple):
    embedding: EmbeddedTokens
    layers: tuple[BareEncoderLayer, ...]

    @classmethod
    def of(cls, embedding: EmbeddedTokens, layers: nn.ModuleList) -> "BareEncoder":
        bare = map(BareEncoderLayer.of, cast(Iterable[EncoderLayer], layers))
        return cls(embedding, tuple(bare))

    def __call__(self, table: Embedding, ids: SourceIds, visible: Visible) -> Stream:
        embedded = self.embedding.forward(table, ids, first=0)
        penalty = penalty_of(visible, self.layers[0].attention.n_heads, embedded)
        stream = embedded.flatten(0, 1)
        for layer in self.layers:
            stream = layer(stream, len(ids), penalty)
        return stream.view(embedded.shape)


class BareDecoder(NamedTuple):
    """The decoder of one search: it knows whether any of its sources is padded."""

    embedding: EmbeddedTokens
    layers: tuple[BareDecoderLayer, ...]
    is_padded: bool

    @classmethod
    def of(
        cls, embedding: EmbeddedTokens, layers: nn.ModuleList, visible: Visible
    ) -> "BareDecoder":
        bare = map(BareDecoderLayer.of, cast(Iterable[DecoderLayer], layers))
        return cls(embedding, tuple(bare), is_padded=not bool(visible.all()))

    def start(self, memory: Memory) -> DecoderState:
        batch, rows = len(memory.stream), memory.stream.flatten(0, 1)
        layers = (LayerState(layer.cross_attention.project(rows, batch)) for layer in self.layers)
        return DecoderState(tuple(layers), memory.visible, memory.examples, bare=self)

    def __call__(self, table: Embedding, ids: TargetIds, state: DecoderState) -> Decoded:
        n_new, n_heads = ids.shape[1], self.layers[0].self_attention.n_heads
        embedded = self.embedding.forward(table, ids, first=state.n_past)
        past = cross = embedded.new_zeros(1, 1, 1)  # one new position attends to all positions
        if self.is_padded:
            cross = penalty_of(state.cross_visible, n_heads, embedded)
        if n_new > 1:
            past = penalty_of(causal(n_new, state.n_past + n_new, ids.device), n_heads, embedded)
        stream, layers = embedded.flatten(0, 1), []
        for layer, layer_state in zip(self.layers, state.layers, strict=True):
            stream, after = layer(stream, layer_state, past, cross)
            layers.append(after)
        return Decoded(stream.view(embedded.shape), state.after(layers, n_new))


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
