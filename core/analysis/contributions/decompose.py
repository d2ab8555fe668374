"""The exact parts of one attention block's output, with its residual and its layer norm.

LayerNorm(x + Attention(x)) is a sum once its standard deviation is held at its real value: of one
vector for each key, T_i(x_j), of the residual's, and of the biases' (Ferrando et al. 2022,
https://arxiv.org/abs/2205.11631, section 3; Kobayashi et al. 2021).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.config import Kind
from core.model import Transformer
from core.model.transformer import attention_of, attention_tap


@dataclass(frozen=True, slots=True)
class BlockParts:
    """One block at some queries of one sentence; `keys + residual + constant` adds up to `output`."""

    keys: Tensor  # q k d_model: T_i(x_j), what each key adds through all heads
    residual: Tensor  # q d_model: what the stream before the block adds
    constant: Tensor  # q d_model: the biases
    output: Tensor  # q d_model: after the layer norm
    first: int = 0
    """The first of these queries."""

    @property
    def contributions(self) -> Tensor:
        """How near the part of each key, and last the residual's, is to the whole: q (k + 1).

        max(0, ‖y‖₁ − ‖y − part‖₁), divided by the sum of the row (Ferrando et al. 2022, Equation 8).
        """
        parts = torch.cat((self.keys, self.residual[:, None]), dim=1)
        return _shares(self.output, parts)

    @property
    def self_contributions(self) -> Tensor:
        """The same for self-attention, where the residual belongs to the query's own token: q k."""
        parts = self.keys.clone()
        queries = torch.arange(len(self.residual), device=parts.device)
        parts[queries, self.first + queries] += self.residual
        return _shares(self.output, parts)


def _shares(output: Tensor, parts: Tensor) -> Tensor:
    whole = output.abs().sum(-1, keepdim=True)  # q 1
    without = (output[:, None] - parts).abs().sum(-1)  # q k
    kept = (whole - without).clamp(min=0)
    return kept / kept.sum(-1, keepdim=True).clamp(min=torch.finfo(kept.dtype).tiny)


MOST_NUMBERS = 4_000_000
"""In the vectors that are held at a time; a sentence of 512 tokens has 134 million at d_model 512."""

BLOCK_NAMES: Mapping[Kind, tuple[str, str]] = {
    "encoder": ("encoder", "self_attention"),
    "decoder": ("decoder", "self_attention"),
    "cross": ("decoder", "cross_attention"),
}
BLOCK_TAPS = (
    "*_attention.weights", "*_attention.values", "*_attention.output", "*_attention_norm.output",
    "*.embedding.output", "encoder.layers.*.output", "decoder.layers.*.output",
)  # fmt: skip
"""What `block_parts` needs of a forced pass."""


@torch.inference_mode()
def block_parts(
    model: Transformer,
    seen: Mapping[str, Tensor],
    kind: Kind,
    layer: int,
    *,
    row: int,
    n_queries: int,
    n_keys: int,
    first: int = 0,
) -> BlockParts:
    """Decompose one block for one sentence of a batch.

    Args:
        seen: the taps of `BLOCK_TAPS`, recorded in a pass of the unchanged model.
        layer: from 0.
        row: of the batch.
        n_queries: from `first` on.
        n_keys: the sentence's tokens, without padding.
    """
    side, sublayer = BLOCK_NAMES[kind]
    path = f"{side}.layers.{layer}.{sublayer}"
    attention = attention_of(model, kind, layer)
    norm = model.get_submodule(f"{path}_norm.norm")
    assert isinstance(norm, nn.LayerNorm)
    queries = slice(first, first + n_queries)
    stream = seen[_stream_before(kind, layer)][row, queries]
    output = seen[f"{path}_norm.output"][row, queries]
    weights = seen[attention_tap(kind, layer)][row, :, queries, :n_keys].to(output.dtype)
    values = seen[attention_tap(kind, layer, "values")][row, None, :, :n_keys]
    vectors = attention.shares(values)[0]  # H k d_model
    keys = torch.einsum("hqk,hkd->qkd", weights, vectors)
    summed = stream + seen[f"{path}.output"][row, queries]
    deviation = (summed.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()  # q 1

    def through_norm(part: Tensor, deviation: Tensor) -> Tensor:
        return norm.weight * (part - part.mean(-1, keepdim=True)) / deviation

    bias = attention.output_projection.bias
    constant = norm.bias.expand_as(output)
    if bias is not None:
        constant = constant + through_norm(bias.expand_as(output), deviation)
    return BlockParts(
        keys=through_norm(keys, deviation[:, None]),
        residual=through_norm(stream, deviation),
        constant=constant,
        output=output,
        first=first,
    )


@torch.inference_mode()
def block_contributions(
    model: Transformer,
    seen: Mapping[str, Tensor],
    kind: Kind,
    layer: int,
    *,
    row: int,
    n_queries: int,
    n_keys: int,
) -> Tensor:
    """The contributions of one block at every query, some queries at a time; see `block_parts`.

    Returns:
        q k for self-attention; q (k + 1) for cross-attention, the residual last.
    """
    n_at_once = max(1, MOST_NUMBERS // (n_keys * model.config.d_model))
    rows = []
    for first in range(0, n_queries, n_at_once):
        n = min(n_at_once, n_queries - first)
        parts = block_parts(
            model, seen, kind, layer, row=row, first=first, n_queries=n, n_keys=n_keys
        )
        rows.append(parts.contributions if kind == "cross" else parts.self_contributions)
    return torch.cat(rows)


def _stream_before(kind: Kind, layer: int) -> str:
    """The tap of the stream that enters a block and goes around it."""
    side, _ = BLOCK_NAMES[kind]
    if kind == "cross":
        return f"decoder.layers.{layer}.self_attention_norm.output"
    return f"{side}.layers.{layer - 1}.output" if layer else f"{side}.embedding.output"
