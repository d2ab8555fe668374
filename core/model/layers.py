"""Section 3.1: one encoder layer (Figure 1, left) and one decoder layer (Figure 1, right)."""

import torch
from torch import nn

from core.model.attention import MultiHeadAttention
from core.model.decoder_state import LayerState, LayerStep
from core.model.dropout import Dropout
from core.model.shapes import Stream, Visible, VisibleSource
from core.model.taps import Tap


class AddAndNorm(nn.Module):
    """LayerNorm(x + Dropout(Sublayer(x))): post-norm, as in sections 3.1 and 5.4."""

    def __init__(self, *, d_model: int, p_dropout: float, epsilon: float) -> None:
        super().__init__()
        self.dropout = Dropout(p_dropout)
        self.norm = nn.LayerNorm(d_model, eps=epsilon)
        self.output = Tap()

    def forward(self, stream: Stream, sublayer_output: Stream) -> Stream:
        return self.output(self.norm(stream + self.dropout(sublayer_output)))


class Bypass(nn.Module):
    """A bypass around a layer: batch rows that a probe marks at `skipped` pass unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = Tap(in_inference=True)

    def forward(self, before: Stream, after: Stream) -> Stream:
        if not self.skipped.is_probed:
            return after
        none = torch.zeros(len(after), 1, 1, dtype=torch.bool, device=after.device)
        return torch.where(self.skipped(none), before, after)


class EncoderLayer(nn.Module):
    """Self-attention, then feed-forward, each followed by add & norm."""

    def __init__(
        self,
        *,
        self_attention: MultiHeadAttention,
        feed_forward: nn.Module,
        norms: tuple[AddAndNorm, AddAndNorm],
    ) -> None:
        super().__init__()
        self.self_attention = self_attention
        self.self_attention_norm = norms[0]
        self.feed_forward = feed_forward
        self.feed_forward_norm = norms[1]
        self.bypass, self.output = Bypass(), Tap()

    def forward(self, stream: Stream, visible: Visible) -> Stream:
        before = stream
        attended = self.self_attention(stream, self.self_attention.project(stream), visible)
        stream = self.self_attention_norm(stream, attended)
        stream = self.feed_forward_norm(stream, self.feed_forward(stream))
        return self.output(self.bypass(before, stream))


class DecoderLayer(nn.Module):
    """Masked self-attention, attention over the encoder's output, feed-forward; add & norm each."""

    def __init__(
        self,
        *,
        self_attention: MultiHeadAttention,
        cross_attention: MultiHeadAttention,
        feed_forward: nn.Module,
        norms: tuple[AddAndNorm, AddAndNorm, AddAndNorm],
    ) -> None:
        super().__init__()
        self.self_attention = self_attention
        self.self_attention_norm = norms[0]
        self.cross_attention = cross_attention
        self.cross_attention_norm = norms[1]
        self.feed_forward = feed_forward
        self.feed_forward_norm = norms[2]
        self.bypass, self.output = Bypass(), Tap()

    def start(self, memory: Stream) -> LayerState:
        return LayerState(cross=self.cross_attention.project(memory))

    def forward(
        self, stream: Stream, state: LayerState, self_visible: Visible, cross_visible: VisibleSource
    ) -> LayerStep:
        before = stream
        past = self.self_attention.project(stream)
        past = state.past.append(past) if state.past else past
        attended = self.self_attention(stream, past, self_visible)
        stream = self.self_attention_norm(stream, attended)
        attended = self.cross_attention(stream, state.cross, cross_visible)
        stream = self.cross_attention_norm(stream, attended)
        stream = self.feed_forward_norm(stream, self.feed_forward(stream))
        stream = self.output(self.bypass(before, stream))
        return LayerStep(stream, LayerState(cross=state.cross, past=past))
