"""One sentence and its translation: run once unchanged, then again from the first changed layer.

Layers below the first changed one would compute the same numbers, so they are not run again. A
change to a decoder head re-runs no encoder layer; a change to the last layer re-runs only that one.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from core.analysis.ablation.edits import ablating
from core.analysis.ablation.head_means import HeadMeans
from core.analysis.ablation.parts import STACKS, LayerSkip, PositionChange
from core.analysis.ablation.spec import Ablation
from core.config import ModelConfig
from core.model import Memory, Transformer, placed, probing, record
from core.model.attention import causal
from core.model.shapes import Examples, SourceIds, Stream, TargetIds

PIECES_AT_ONCE = 2_048
"""The most source and target tokens in one batch; it bounds the memory of the logits."""


@dataclass(frozen=True, slots=True, order=True)
class _Start:
    """The layer at which a changed run begins to differ from the unchanged run."""

    stack: int  # 0 encoder, 1 decoder
    unchanged: int  # the layer whose input is still the unchanged run's; -1: the embedding changes
    first: int  # the first layer that has to run; skipped layers do not run

    @classmethod
    def of(cls, ablation: Ablation, config: ModelConfig) -> "_Start":
        changed = [
            (STACKS.index(part.stack), -1 if isinstance(part, PositionChange) else part.layer)
            for part in ablation.parts
        ]
        stack, layer = min(changed, default=(1, config.n_decoder_layers))
        skipped = [
            part.layer
            for part in ablation.parts
            if isinstance(part, LayerSkip) and STACKS.index(part.stack) == stack
        ]
        first = layer
        while first in skipped:
            first += 1
        return cls(stack, layer, first)


class ForcedPass:
    """The unchanged run of one sentence and its translation; changed runs start from its layers.

    Attributes:
        n_layers_run: layer evaluations so far, one per layer and batch row, with the unchanged
            run's.
    """

    @torch.inference_mode()
    def __init__(self, model: Transformer, source: SourceIds, consumed: TargetIds) -> None:
        """Run the model unchanged.

        Args:
            source: ids with `</s>`: 1 S.
            consumed: ids that the decoder consumes, `<s>` first: 1 T.
        """
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
        """The numbers of layers of the encoder and of the decoder."""
        return self.model.config.n_encoder_layers, self.model.config.n_decoder_layers

    def n_layers_naive(self, n_ablations: int) -> int:
        """Layer evaluations of the unchanged run and `n_ablations` more, if none shared a layer."""
        return (1 + n_ablations) * sum(self.n_layers)

    def under(
        self, ablations: Sequence[Ablation], means: HeadMeans | None = None
    ) -> Iterator[tuple[list[int], Float[Tensor, "B T V"]]]:
        """Yield logits under each ablation, a batch of ablations at a time.

        Raises:
            ValueError: as `ablating` does.
        """
        n_rows = max(1, PIECES_AT_ONCE // (self.source.shape[1] + self.consumed.shape[1]))
        starts = [_Start.of(ablation, self.model.config) for ablation in ablations]
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
        with probing(self.model, ablating(self.model, ablations, means)):
            if start.stack == 0:
                state = self.model.start(self._encoded(examples, start))
                start = _Start(1, -1, -1)
            else:
                state = self.state.select(torch.zeros_like(examples))
                state = dataclasses.replace(state, examples=examples)
            self.n_layers_run += len(examples) * (self.n_layers[1] - max(start.first, 0))
            if start.unchanged == -1:
                stream = self.model.decode(self._rows(self.consumed, examples), state).stream
                return self.model.logits(stream)
            stream = self._rows(self._below[1, start.unchanged], examples)
            visible = causal(stream.shape[1], stream.shape[1], stream.device)
            layers = list(self.model.decoder.layers)[start.first :]
            with placed(examples, first=0):
                for layer, before in zip(layers, state.layers[start.first :], strict=True):
                    stream = layer(stream, before, visible, state.cross_visible).stream
            return self.model.logits(stream)

    def _encoded(self, examples: Examples, start: _Start) -> Memory:
        """The encoder's output under changes that begin in the encoder."""
        self.n_layers_run += len(examples) * (self.n_layers[0] - max(start.first, 0))
        if start.unchanged == -1:
            return self.model.encode(self._rows(self.source, examples), examples)
        stream: Stream = self._rows(self._below[0, start.unchanged], examples)
        with placed(examples, first=0):
            for layer in list(self.model.encoder.layers)[start.first :]:
                stream = layer(stream, self.memory.visible)
        return Memory(stream, self._rows(self.memory.visible, examples), examples)

    def _rows(self, one: Tensor, examples: Examples) -> Tensor:
        return one.expand(len(examples), *one.shape[1:])


def _below(layer: int) -> str:
    return "embedding" if layer == 0 else f"layers.{layer - 1}"
