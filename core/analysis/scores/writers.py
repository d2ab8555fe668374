"""Who wrote a stream: the exact parts of the vectors at one place of a stack.

A stream is a sum: of the embedded token, its position, and what every head and every feed-forward
sub-layer before added, each passed through the layer norms that came after. The layer norm's standard
deviation is held at its real value, so the sum is exact (after Elhage et al. 2021,
https://transformer-circuits.pub/2021/framework, for post-norm layers).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.config import Kind
from core.model import Transformer
from core.model.transformer import attention_of, attention_tap

TOKEN, POSITION, BIASES = "token", "position", "biases"


@dataclass(frozen=True, slots=True)
class Written:
    """The parts of a stream at every position; they add up to it."""

    writers: tuple[str, ...]
    """`token`, `position`, then `L1H2`, `cross L1H2`, `L1 feed-forward` .. as they wrote; last
    `biases`."""
    parts: Tensor  # W n d_model

    @property
    def stream(self) -> Tensor:
        return self.parts.sum(0)


WRITER_TAPS = (
    "*.embedding.tokens", "*.embedding.positions", "*_attention.head_outputs", "*.output",
)  # fmt: skip


class _Parts:
    """Parts of a stream while it goes through a stack."""

    def __init__(self, model: Transformer, seen: Mapping[str, Tensor], side: str) -> None:
        self.model, self.seen, self.side = model, seen, side
        tokens = seen[f"{side}.embedding.tokens"][0]
        self.by_writer = {
            TOKEN: tokens,
            POSITION: seen[f"{side}.embedding.positions"][0].expand_as(tokens),
        }
        self.biases = torch.zeros_like(tokens)

    def attention(self, kind: Kind, layer: int) -> None:
        """Add what each head writes, then go through the norm."""
        module = attention_of(self.model, kind, layer)
        heads = module.shares(self.seen[attention_tap(kind, layer, "head_outputs")])[
            0
        ]  # H n d_model
        name = "cross " if kind == "cross" else ""
        for head, share in enumerate(heads):
            self.by_writer[f"{name}L{layer + 1}H{head + 1}"] = share
        if module.output_projection.bias is not None:
            self.biases = self.biases + module.output_projection.bias
        sublayer = "cross_attention" if kind == "cross" else "self_attention"
        self._norm(f"{self.side}.layers.{layer}.{sublayer}_norm.norm")

    def feed_forward(self, layer: int) -> None:
        path = f"{self.side}.layers.{layer}.feed_forward"
        self.by_writer[f"L{layer + 1} feed-forward"] = self.seen[f"{path}.output"][0]
        self._norm(f"{path}_norm.norm")

    def _norm(self, path: str) -> None:
        norm = self.model.get_submodule(path)
        assert isinstance(norm, nn.LayerNorm)
        summed = torch.stack([*self.by_writer.values(), self.biases]).sum(0)
        deviation = (summed.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()

        def through(part: Tensor) -> Tensor:
            return norm.weight * (part - part.mean(-1, keepdim=True)) / deviation

        self.by_writer = {name: through(part) for name, part in self.by_writer.items()}
        self.biases = through(self.biases) + norm.bias

    def written(self) -> Written:
        names = (*self.by_writer, BIASES)
        return Written(names, torch.stack([*self.by_writer.values(), self.biases]))


@torch.inference_mode()
def written(
    model: Transformer, seen: Mapping[str, Tensor], kind: Kind, layer: int
) -> tuple[Written, Written]:
    """What the queries and what the keys of one attention are made from; taps of one sentence.

    For self-attention both are the layer's input. In cross-attention the queries are what leaves the
    self-attention below, and the keys the encoder's output.

    Args:
        seen: the taps of `WRITER_TAPS`, of a forced pass of the unchanged model.
        layer: from 0.
    """
    if kind == "cross":
        decoder = _through(model, seen, "decoder", layer)
        decoder.attention("decoder", layer)
        encoder = _through(model, seen, "encoder", model.config.n_encoder_layers)
        return decoder.written(), encoder.written()
    own = _through(model, seen, kind, layer).written()
    return own, own


def _through(model: Transformer, seen: Mapping[str, Tensor], side: str, n_layers: int) -> _Parts:
    """The parts after so many whole layers."""
    parts = _Parts(model, seen, side)
    for layer in range(n_layers):
        parts.attention("encoder" if side == "encoder" else "decoder", layer)
        if side == "decoder":
            parts.attention("cross", layer)
        parts.feed_forward(layer)
    return parts
