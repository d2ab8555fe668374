"""Section 3.4, embeddings tied three ways, and section 3.5, positional encoding."""

import math

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn import functional

from core.config import Positions
from core.model.dropout import Dropout
from core.model.shapes import Logits, PositionIds, PositionRows, Stream, TokenIds, Vectors
from core.model.taps import Tap


def sinusoids(n_positions: int, d_model: int, *, halves: bool = False) -> Tensor:
    """PE(pos, 2i) = sin(pos / 10000^(2i/d_model)), PE(pos, 2i+1) = cos(the same) (section 3.5).

    Returns:
        n_positions x d_model, float32, computed in float64; positions count from 0.

    Differs from the paper: with `halves` all sines stand before all cosines, with the same
    frequencies (the layout of Hugging Face's Marian; tensor2tensor's frequencies differ, too).
    """
    frequency = 10_000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angle = torch.arange(n_positions, dtype=torch.float64)[:, None] * frequency  # n d_model/2
    pair = (angle.sin(), angle.cos())
    table = torch.cat(pair, dim=-1) if halves else torch.stack(pair, dim=-1).flatten(1)
    return table.float()


class Embedding(nn.Module):
    """One table for source, target and the pre-softmax projection, scaled by √d_model on the way
    in.

    This module holds the table. `encoder.embedding` and `decoder.embedding` hold the taps, so
    source and target are probed separately.

    Differs from the paper: where a model takes drafts, `draft` is a vector learned for all of them,
    added to the embeddings from the separator on.
    """

    def __init__(
        self,
        *,
        vocabulary_size: int,
        d_model: int,
        positions: Positions,
        max_positions: int,
        output_bias: bool,
        separator_id: int | None = None,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocabulary_size, d_model))
        self.output_bias = nn.Parameter(torch.zeros(vocabulary_size)) if output_bias else None
        self.max_positions = max_positions
        self.separator_id = separator_id
        self.draft = nn.Parameter(torch.zeros(d_model)) if separator_id is not None else None
        if positions == "learned":
            self.positions: Tensor | None = nn.Parameter(torch.empty(max_positions, d_model))
        elif positions == "none":
            self.positions = None
        else:
            halves = positions == "sinusoidal_halves"
            table = sinusoids(max_positions, d_model, halves=halves)
            self.register_buffer("positions", table, persistent=False)

    def embed(self, ids: TokenIds) -> Stream:
        """Scaled embeddings; those of a draft with the draft's segment vector added."""
        tokens = functional.embedding(ids, self.weight) * math.sqrt(self.weight.shape[1])
        return (
            tokens if self.draft is None else tokens + self._is_draft(ids)[..., None] * self.draft
        )

    def position_ids(self, ids: TokenIds, first: int) -> PositionIds:
        """The position of each token, from `first` on; a draft counts anew from its separator."""
        indices = torch.arange(first, first + ids.shape[1], device=ids.device)[None]
        if self.draft is None:
            return indices
        is_draft = self._is_draft(ids)
        return torch.where(is_draft, indices - (~is_draft).sum(1, keepdim=True), indices)

    def _is_draft(self, ids: TokenIds) -> Bool[Tensor, "B n"]:
        """True from the separator on."""
        return torch.eq(ids, self.separator_id or 0).cumsum(1) > 0

    def positions_for(self, indices: PositionIds) -> Stream:
        """Rows of the position table; zeros if the model has no positions. See
        `check_positions`."""
        if self.positions is None:
            return self.weight.new_zeros(*indices.shape, self.weight.shape[1])
        return functional.embedding(indices, self.positions)

    def check_positions(self, lowest: int, highest: int) -> None:
        """Raises ValueError if a position is outside the table, even where the model has none."""
        if highest >= self.max_positions:
            raise ValueError(
                f"position {highest} is beyond max_positions={self.max_positions}; "
                "shorten the sequence or move its positions less"
            )
        if lowest < 0:
            raise ValueError(f"position {lowest} is negative; positions count from 0")

    def logits(self, stream: Vectors) -> Logits:
        return functional.linear(stream, self.weight, self.output_bias)


class EmbeddedTokens(nn.Module):
    """The input of a stack: scaled embedding + positional encoding, then dropout, each with a tap.

    `position_ids` taps which rows of the position table are taken, 1 n (B n where sources may hold
    drafts); `positions` taps the rows.
    """

    def __init__(self, *, p_dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(p_dropout)
        self.tokens, self.position_ids = Tap(in_inference=True), Tap(in_inference=True)
        self.positions, self.output = Tap(in_inference=True), Tap(in_inference=True)

    def forward(self, table: Embedding, ids: TokenIds, first: int) -> Stream:
        tokens = self.tokens(table.embed(ids))
        positions = self.positions(self._positions(table, ids, first))
        return self.output(self.dropout(tokens + positions))

    def _positions(self, table: Embedding, ids: TokenIds, first: int) -> PositionRows:
        """Only a probe can move them, so only then is the device asked, and waited for."""
        if self.position_ids.is_probed:
            indices: Tensor = self.position_ids(table.position_ids(ids, first))
            table.check_positions(int(indices.min()), int(indices.max()))
            return table.positions_for(indices)
        table.check_positions(first, first + ids.shape[1] - 1)
        if table.draft is None and table.positions is not None:
            return table.positions[None, first : first + ids.shape[1]]
        return table.positions_for(table.position_ids(ids, first))
