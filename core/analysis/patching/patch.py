"""Activation patching between two sentences that differ in little (Vig et al. 2020, Meng et al. 2022).

Both sentences are read with the same prefix of a translation, up to the step where their translations
part: sentence A goes on with token a, sentence B with b. A part of B's run then replaces that part in
A's run: the output of a head, or the stream at one position after one layer. How far that moves
logit(a) - logit(b) from A's value towards B's says how much of the difference the part carries: 0
nothing, 1 all of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.analysis.trace.trace import Trace
from core.config import KINDS, Kind, n_layers
from core.model import Transformer, edit, probing, record
from core.model.transformer import attention_tap
from core.system.pauses import pause

Shares = NDArray[np.float64]
Tokens = NDArray[np.int64]

ROWS_AT_ONCE = 64
LEAST_DIFFERENCE = 1e-3
"""Logits; below it there is no difference to carry."""


class NotComparableError(ValueError):
    """The two sentences cannot be patched into each other; the message says why."""


@dataclass(frozen=True, slots=True)
class Grid:
    """One number for each patched part, and what A's run writes with that part."""

    shares: Shares  # of the difference that the part carries
    writes: Tokens  # the most probable token

    def reshape(self, shape: tuple[int, int]) -> "Grid":
        return Grid(self.shares.reshape(shape), self.writes.reshape(shape))


@dataclass(frozen=True, slots=True)
class Patching:
    """The share of the difference that each part carries."""

    step: int  # from 0: where the translations part
    of_a: int  # the token that A's translation goes on with
    of_b: int
    difference_a: float  # logit(of_a) - logit(of_b) for A
    difference_b: float  # and for B, with A's prefix
    heads: Mapping[Kind, Grid]  # N H
    source_stream: Grid  # N + 1, S: after the embeddings and after each encoder layer
    target_stream: Grid  # N + 1, step + 1: likewise in the decoder


def patching(model: Transformer, a: Trace, b: Trace) -> Patching:
    """Patch every head, and the stream at every position, of B's run into A's.

    Raises:
        NotComparableError: if the sources have different numbers of tokens, the translations do not
            part, or the two runs do not differ where they do.
    """
    step, tokens = _parting(a, b)
    runs = _Runs(model, a, b, step, tokens)
    whole = runs.difference_b - runs.difference_a
    if abs(whole) < LEAST_DIFFERENCE:
        raise NotComparableError(
            "the two runs do not differ at the step where the translations part"
        )

    def grid(parts: Sequence["_Part"], shape: tuple[int, int]) -> Grid:
        differences, writes = runs.patched(parts)
        return Grid((differences - runs.difference_a) / whole, writes).reshape(shape)

    config = model.config
    heads = {}
    for kind in KINDS:
        shape = (n_layers(config, kind), config.n_heads)
        places = [_head(kind, layer, head) for layer, head in np.ndindex(shape)]
        heads[kind] = grid(places, shape)
    streams = []
    for side, n_positions in (("encoder", len(a.source.pieces)), ("decoder", step + 1)):
        depth = getattr(config, f"n_{side}_layers") + 1
        places = [_position(side, d, n) for d, n in np.ndindex(depth, n_positions)]
        streams.append(grid(places, (depth, n_positions)))
    return Patching(
        step, *tokens, runs.difference_a, runs.difference_b, heads, streams[0], streams[1]
    )


def _parting(a: Trace, b: Trace) -> tuple[int, tuple[int, int]]:
    """The first step at which the translations differ, and their tokens there."""
    n_a, n_b = len(a.source.pieces), len(b.source.pieces)
    if n_a != n_b:
        raise NotComparableError(
            f"the first has {n_a} pieces, the second {n_b}, each with </s>; change a word so that both have the "
            "same number"
        )
    written = zip(a.target.pieces, b.target.pieces, strict=False)
    for step, (one, other) in enumerate(written):
        if one.id != other.id:
            return step, (one.id, other.id)
    raise NotComparableError(
        "both sentences have the same translation; give two whose translations differ"
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a run: a tap, and which slice of its tensor."""

    tap: str
    replace: Callable[[Tensor, Tensor], None]
    """Copies the part from B's tensor into one row of A's, in place."""


def _head(kind: Kind, layer: int, head: int) -> _Part:
    def replace(row: Tensor, other: Tensor) -> None:
        row[head] = other[head]  # H n d_v

    return _Part(attention_tap(kind, layer, "head_outputs"), replace)


def _position(side: str, depth: int, position: int) -> _Part:
    def replace(row: Tensor, other: Tensor) -> None:
        row[position] = other[position]  # n d_model

    tap = f"{side}.layers.{depth - 1}.output" if depth else f"{side}.embedding.output"
    return _Part(tap, replace)


class _Runs:
    """Both runs, recorded once, and A's run with parts replaced."""

    def __init__(
        self, model: Transformer, a: Trace, b: Trace, step: int, tokens: tuple[int, int]
    ) -> None:
        self.model, self.tokens = model, tokens
        device = next(model.parameters()).device
        ids = [[piece.id for piece in trace.source.pieces] for trace in (a, b)]
        self.source_a, source_b = (torch.tensor([each], device=device) for each in ids)
        consumed = [piece.id for piece in a.consumed[: step + 1]]
        self.consumed = torch.tensor([consumed], device=device)
        taps = ("*.embedding.output", "*.layers.*.output", "*.head_outputs")
        with torch.no_grad(), probing(model, record(*taps)) as seen:
            self.difference_b = float(self._logits_at(source_b)[0][0])
        self.of_b = {name: seen[name][0] for name in seen}
        with torch.no_grad():
            self.difference_a = float(self._logits_at(self.source_a)[0][0])

    @torch.no_grad()
    def patched(self, parts: Sequence[_Part]) -> tuple[Shares, Tokens]:
        """logit(a) - logit(b) of A's run with each part replaced alone, and what it then writes."""
        found = []
        for first in range(0, len(parts), ROWS_AT_ONCE):
            pause()
            some = parts[first : first + ROWS_AT_ONCE]
            by_tap: dict[str, list[tuple[int, _Part]]] = {}
            for row, part in enumerate(some):
                by_tap.setdefault(part.tap, []).append((row, part))
            edits = {tap: self._replacing(tap, rows) for tap, rows in by_tap.items()}
            with probing(self.model, edit(edits)):
                found.append(self._logits_at(self.source_a.expand(len(some), -1)))
        differences, writes = (torch.cat(each).cpu() for each in zip(*found, strict=True))
        return differences.double().numpy(), writes.numpy()

    def _replacing(self, tap: str, rows: Sequence[tuple[int, _Part]]) -> Callable[[Tensor], Tensor]:
        def replaced(tensor: Tensor) -> Tensor:
            changed = tensor.clone()
            for row, part in rows:
                part.replace(changed[row], self.of_b[tap])
            return changed

        return replaced

    def _logits_at(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """logit(a) - logit(b) of each row at the step, and its most probable token."""
        state = self.model.start(self.model.encode(source))
        last = self.model.decode(self.consumed.expand(len(source), -1), state).stream[:, -1]
        logits = self.model.logits(last)
        return logits[:, self.tokens[0]] - logits[:, self.tokens[1]], logits.argmax(-1)
