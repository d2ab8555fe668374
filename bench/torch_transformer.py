"""torch.nn.Transformer with the same weights: the same function, so that only speed differs."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.model import Transformer
from core.model.attention import MultiHeadAttention
from core.model.feedforward import FeedForward


class Twin(nn.Module):
    """`torch.nn.Transformer` between tied, scaled embeddings, as its users write it.

    Its attention and its feed-forward drop nothing inside, as the paper's do not.
    """

    def __init__(self, ours: Transformer, *, p_dropout: float) -> None:
        super().__init__()
        config = ours.config
        self.pad_id, self.scale = config.pad_id, math.sqrt(config.d_model)
        self.embedding = nn.Embedding.from_pretrained(
            ours.embedding.weight.detach().clone(), freeze=False
        )
        self.output_bias = nn.Parameter(ours.embedding.output_bias.detach().clone())
        self.register_buffer("positions", ours.embedding.positions)
        self.dropout = nn.Dropout(p_dropout)
        self.transformer = _transformer(ours, p_dropout)

    def forward(self, source: Tensor, consumed: Tensor) -> Tensor:
        """Logits, B q V."""
        padding = source == self.pad_id
        n = consumed.shape[1]
        causal = torch.ones(n, n, dtype=torch.bool, device=source.device).triu(1)
        stream = self.transformer(
            self._embedded(source),
            self._embedded(consumed),
            tgt_mask=causal,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
            tgt_is_causal=True,
        )
        return functional.linear(stream, self.embedding.weight, self.output_bias)

    def _embedded(self, ids: Tensor) -> Tensor:
        return self.dropout(self.embedding(ids) * self.scale + self.positions[: ids.shape[1]])


def _transformer(ours: Transformer, p_dropout: float) -> nn.Transformer:
    """The stacks, with our weights, and without the norms that they end in by default."""
    config = ours.config
    theirs = nn.Transformer(
        config.d_model,
        config.n_heads,
        config.n_encoder_layers,
        config.n_decoder_layers,
        config.d_ff,
        p_dropout,
        activation=config.activation,
        layer_norm_eps=config.layer_norm_epsilon,
        batch_first=True,
        dtype=ours.embedding.weight.dtype,
    )
    theirs.encoder.norm = theirs.decoder.norm = None
    for own, layer in zip(ours.encoder.layers, theirs.encoder.layers, strict=True):
        _copy_attention(own.self_attention, layer.self_attn)
        _copy_rest(own.feed_forward, layer)
        layer.norm1.load_state_dict(own.self_attention_norm.norm.state_dict())
        layer.norm2.load_state_dict(own.feed_forward_norm.norm.state_dict())
    for own, layer in zip(ours.decoder.layers, theirs.decoder.layers, strict=True):
        _copy_attention(own.self_attention, layer.self_attn)
        _copy_attention(own.cross_attention, layer.multihead_attn)
        _copy_rest(own.feed_forward, layer)
        layer.norm1.load_state_dict(own.self_attention_norm.norm.state_dict())
        layer.norm2.load_state_dict(own.cross_attention_norm.norm.state_dict())
        layer.norm3.load_state_dict(own.feed_forward_norm.norm.state_dict())
    return theirs


def _copy_attention(own: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    projections = (own.query_projection, own.key_projection, own.value_projection)
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([each.weight for each in projections]),
            "in_proj_bias": torch.cat([each.bias for each in projections]),
            "out_proj.weight": own.output_projection.weight,
            "out_proj.bias": own.output_projection.bias,
        }
    )
    theirs.dropout = 0.0


def _copy_rest(own: FeedForward, layer: nn.Module) -> None:
    layer.linear1.load_state_dict(own.inner.state_dict())
    layer.linear2.load_state_dict(own.outer.state_dict())
    layer.dropout.p = 0.0  # between the two products
