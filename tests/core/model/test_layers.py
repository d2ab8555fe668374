"""Section 3.1, one layer at a time: Figure 1 read literally, and PyTorch's own layers."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from core.model.attention import MultiHeadAttention, causal, not_padding
from core.model.feedforward import FeedForward
from core.model.layers import AddAndNorm, DecoderLayer, EncoderLayer
from tests.core.helpers import randomised
from tests.core.model.test_attention import copy_attention

D_MODEL, N_HEADS, D_HEAD, D_FF = 33, 3, 11, 17
SIZES = {"d_model": D_MODEL, "nhead": N_HEADS, "dim_feedforward": D_FF, "dropout": 0.0}
VISIBLE = not_padding(torch.tensor([[5, 5, 5, 0, 0, 0, 0], [5, 5, 5, 5, 5, 5, 5]]), 0)


def stream(n: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, D_MODEL, dtype=torch.float64, generator=generator)


def attention() -> MultiHeadAttention:
    return MultiHeadAttention(d_model=D_MODEL, n_heads=N_HEADS, d_k=D_HEAD, d_v=D_HEAD, bias=True)


def norms(n: int) -> tuple[AddAndNorm, ...]:
    return tuple(AddAndNorm(d_model=D_MODEL, p_dropout=0.0, epsilon=1e-6) for _ in range(n))


def feed_forward(activation: str = "relu") -> FeedForward:
    return FeedForward(d_model=D_MODEL, d_ff=D_FF, activation=activation)


def encoder_layer(activation: str = "relu") -> EncoderLayer:
    layer = EncoderLayer(
        self_attention=attention(), feed_forward=feed_forward(activation), norms=norms(2)
    )
    return randomised(layer)


def decoder_layer(activation: str = "relu") -> DecoderLayer:
    layer = DecoderLayer(
        self_attention=attention(),
        cross_attention=attention(),
        feed_forward=feed_forward(activation),
        norms=norms(3),
    )
    return randomised(layer)


def copy_feed_forward(ours: FeedForward, theirs: nn.Module) -> None:
    theirs.linear1.load_state_dict(ours.inner.state_dict())
    theirs.linear2.load_state_dict(ours.outer.state_dict())


@torch.no_grad()
def copy_encoder_layer(ours: EncoderLayer, theirs: nn.TransformerEncoderLayer) -> None:
    copy_attention(ours.self_attention, theirs.self_attn)
    copy_feed_forward(ours.feed_forward, theirs)
    theirs.norm1.load_state_dict(ours.self_attention_norm.norm.state_dict())
    theirs.norm2.load_state_dict(ours.feed_forward_norm.norm.state_dict())


@torch.no_grad()
def copy_decoder_layer(ours: DecoderLayer, theirs: nn.TransformerDecoderLayer) -> None:
    copy_attention(ours.self_attention, theirs.self_attn)
    copy_attention(ours.cross_attention, theirs.multihead_attn)
    copy_feed_forward(ours.feed_forward, theirs)
    theirs.norm1.load_state_dict(ours.self_attention_norm.norm.state_dict())
    theirs.norm2.load_state_dict(ours.cross_attention_norm.norm.state_dict())
    theirs.norm3.load_state_dict(ours.feed_forward_norm.norm.state_dict())


ACTIVATIONS = {"relu": functional.relu, "silu": functional.silu}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_encoder_layer_equals_pytorchs(activation):
    ours = encoder_layer(activation)
    theirs = nn.TransformerEncoderLayer(
        **SIZES, activation=ACTIVATIONS[activation], layer_norm_eps=1e-6, batch_first=True
    ).double()
    copy_encoder_layer(ours, theirs)
    expected = theirs(stream(7), src_key_padding_mask=~VISIBLE[:, 0, 0])
    assert_close(ours(stream(7), VISIBLE), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_decoder_layer_equals_pytorchs(activation):
    ours = decoder_layer(activation)
    theirs = nn.TransformerDecoderLayer(
        **SIZES, activation=ACTIVATIONS[activation], layer_norm_eps=1e-6, batch_first=True
    ).double()
    copy_decoder_layer(ours, theirs)
    memory = stream(7, seed=2)
    expected = theirs(
        stream(5), memory, tgt_mask=~causal(5, 5)[0, 0], memory_key_padding_mask=~VISIBLE[:, 0, 0]
    )
    assert_close(ours(stream(5), ours.start(memory), causal(5, 5), VISIBLE).stream, expected)


def test_equation_2_read_with_loops():
    layer = randomised(feed_forward())
    w_1, b_1 = layer.inner.weight.tolist(), layer.inner.bias.tolist()
    w_2, b_2 = layer.outer.weight.tolist(), layer.outer.bias.tolist()
    numbers = stream(3)
    for vector, output in zip(numbers.flatten(0, 1), layer(numbers).flatten(0, 1), strict=True):
        x = vector.tolist()
        hidden = [
            max(0.0, sum(w * a for w, a in zip(row, x, strict=True)) + b)
            for row, b in zip(w_1, b_1, strict=True)
        ]
        literal = [
            sum(w * a for w, a in zip(row, hidden, strict=True)) + b
            for row, b in zip(w_2, b_2, strict=True)
        ]
        assert_close(output, torch.tensor(literal, dtype=torch.float64))


def test_add_and_norm_read_literally():
    """LayerNorm(x + Sublayer(x)): mean 0 and variance 1 over d_model, then gain and bias."""
    layer = randomised(norms(1)[0])
    x, sublayer = stream(3), stream(3, seed=2)
    total = x + sublayer
    centred = total - total.mean(-1, keepdim=True)
    unit = centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    assert_close(layer(x, sublayer), unit * layer.norm.weight + layer.norm.bias)


def test_feed_forward_is_position_wise():
    layer, numbers = randomised(feed_forward()), stream(5)
    order = torch.tensor([3, 1, 4, 0, 2])
    assert_close(layer(numbers[:, order]), layer(numbers)[:, order])


def test_a_decoder_layer_remembers_between_steps():
    layer, numbers, memory = decoder_layer(), stream(5), stream(7, seed=2)
    at_once = layer(numbers, layer.start(memory), causal(5, 5), VISIBLE)
    state = layer.start(memory)
    outputs = []
    for position in range(5):
        step = layer(numbers[:, position : position + 1], state, causal(1, position + 1), VISIBLE)
        outputs.append(step.stream)
        state = step.state
    assert_close(torch.cat(outputs, dim=1), at_once.stream)
    assert_close(state.past.keys, at_once.state.past.keys)
    assert state.cross.keys is step.state.cross.keys
