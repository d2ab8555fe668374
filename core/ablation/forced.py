"""One sentence and its translation, run once, and again under changes from where they begin.

What lies below the first layer that an ablation changes is what it was, so it is not run again: a
changed head in the decoder costs no encoder, one in the last layer costs one layer.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from core.ablation.edits import ablating
from core.ablation.means import HeadMeans
from core.ablation.parts import STACKS, PositionChange
from core.ablation.spec import Ablation
from core.axes import Examples, SourceIds, Stream, TargetIds
from core.config import ModelConfig
from core.masks import causal
from core.model import Memory, Transformer, placed, probing, record

PIECES_AT_ONCE = 2_048
"""A batch holds at most so many source and target pieces: bounds the memory of logits."""

_Start = tuple[int, int]
"""Stack (0 encoder, 1 decoder) and layer; -1 is the embedding below the first."""


def _start(ablation: Ablation, config: ModelConfig) -> _Start:
    """The first layer that an ablation changes; beyond the last, if there is none."""
    starts = [
        (STACKS.index(part.stack), -1 if isinstance(part, PositionChange) else part.layer)
        for part in ablation.parts
    ]
    return min(starts, default=(1, config.n_decoder_layers))


class Forced:
    """The plain run of one sentence and translation, from which changed runs branch off.

    Attributes:
        n_layers_run: layers evaluated so far, one for each row, the plain run's among them.
    """

    @torch.inference_mode()
    def __init__(self, model: Transformer, source: SourceIds, consumed: TargetIds) -> None:
        """Of ids with `</s>`, and of what the decoder consumes, from `<s>` on: each one row."""
        self.model, self.source, self.consumed = model, source, consumed
        taps = {
            (stack, layer): f"{STACKS[stack]}.{_below(layer)}.output"
            for stack, n in enumerate(self.n_layers)
            for layer in range(n + 1)
        }
        with probing(model, record(*taps.values())) as seen:
            self.memory = model.encode(source)
            self.state = model.start(self.memory)
            self.logits = model.logits(model.decode(consumed, self.state).stream)[0]  # T V
        self._below = {place: seen[tap] for place, tap in taps.items()}
        self.n_layers_run = sum(self.n_layers)

    @property
    def n_layers(self) -> tuple[int, int]:
        """Of the encoder and of the decoder."""
        return self.model.config.n_encoder_layers, self.model.config.n_decoder_layers

    def n_layers_naive(self, n_ablations: int) -> int:
        """Layers that the plain run and so many others evaluate when nothing is shared."""
        return (1 + n_ablations) * sum(self.n_layers)

    def under(
        self, ablations: Sequence[Ablation], means: HeadMeans | None = None
    ) -> Iterator[tuple[list[int], Float[Tensor, "B T V"]]]:
        """Logits under each ablation, some at a time: which ones these are, and theirs.

        Raises:
            ValueError: as `ablating` does.
        """
        n_rows = max(1, PIECES_AT_ONCE // (self.source.shape[1] + self.consumed.shape[1]))
        starts = [_start(ablation, self.model.config) for ablation in ablations]
        for start in sorted(set(starts)):
            together = [index for index, other in enumerate(starts) if other == start]
            for first in range(0, len(together), n_rows):
                chunk = together[first : first + n_rows]
                yield chunk, self._run([ablations[index] for index in chunk], start, means)

    @torch.inference_mode()
    def _run(
        self, ablations: Sequence[Ablation], start: _Start, means: HeadMeans | None
    ) -> Float[Tensor, "B T V"]:
        examples = torch.arange(len(ablations), device=self.source.device)
        stack, layer = start
        with probing(self.model, ablating(self.model, ablations, means)):
            if stack == 0:
                state = self.model.start(self._encoded(examples, layer))
                layer = -1
            else:
                state = self.state.rows(torch.zeros_like(examples))
                state = dataclasses.replace(state, examples=examples)
            self.n_layers_run += len(examples) * (self.n_layers[1] - max(layer, 0))
            if layer == -1:
                stream = self.model.decode(self._rows(self.consumed, examples), state).stream
                return self.model.logits(stream)
            stream = self._rows(self._below[1, layer], examples)
            visible = causal(stream.shape[1], stream.shape[1], stream.device)
            with placed(examples, first=0):
                for block, block_state in zip(
                    list(self.model.decoder.layers)[layer:], state.layers[layer:], strict=True
                ):
                    stream = block(stream, block_state, visible, state.cross_visible).stream
            return self.model.logits(stream)

    def _encoded(self, examples: Examples, layer: int) -> Memory:
        """The encoder's output, run from this layer on."""
        self.n_layers_run += len(examples) * (self.n_layers[0] - max(layer, 0))
        if layer == -1:
            return self.model.encode(self._rows(self.source, examples), examples)
        stream: Stream = self._rows(self._below[0, layer], examples)
        with placed(examples, first=0):
            for block in list(self.model.encoder.layers)[layer:]:
                stream = block(stream, self.memory.visible)
        return Memory(stream, self._rows(self.memory.visible, examples), examples)

    def _rows(self, one: Tensor, examples: Examples) -> Tensor:
        return one.expand(len(examples), *one.shape[1:])


def _below(layer: int) -> str:
    return "embedding" if layer == 0 else f"layers.{layer - 1}"
