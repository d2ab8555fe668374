"""The state that encoder and decoder pass on: values, never stored on a module (section 3.1)."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from core.model.attention import KeysValues
from core.model.embedding import Embedding
from core.model.shapes import Stream, TargetIds


@dataclass(frozen=True, slots=True)
class Memory:
    """The encoder's output, and which of its positions are not padding."""

    stream: Tensor  # B S d_model
    visible: Tensor  # B 1 1 S, True = may be attended to
    examples: Tensor  # B: which example each row is, for edits that differ between examples


@dataclass(frozen=True, slots=True)
class LayerState:
    """The keys and values that one decoder layer keeps between steps."""

    cross: KeysValues
    past: KeysValues | None = None

    def select(self, index: Tensor, *, same_sources: bool = False) -> "LayerState":
        past = self.past.select(index) if self.past else None
        return LayerState(cross=self.cross if same_sources else self.cross.select(index), past=past)


@dataclass(frozen=True, slots=True)
class LayerStep:
    stream: Stream
    state: LayerState


@dataclass(frozen=True, slots=True)
class DecoderState:
    """All that decoding needs from earlier steps, as a value that is passed in and returned."""

    layers: tuple[LayerState, ...]
    cross_visible: Tensor  # B 1 1 S
    examples: Tensor  # B: which example each row is, whatever the rows' order
    n_past: int = 0
    bare: "StepDecoder | None" = None
    """The decoder without its modules, its parameters bound once for all steps."""

    def after(self, layers: Sequence[LayerState], n_new: int) -> "DecoderState":
        """The state after `n_new` more positions, with the layers' new states."""
        return dataclasses.replace(self, layers=tuple(layers), n_past=self.n_past + n_new)

    def select(self, index: Tensor, *, same_sources: bool = False) -> "DecoderState":
        """Keep, drop, repeat or re-order rows of the batch, as a beam does.

        Args:
            index: for each row of the new state, the old row that it continues.
            same_sources: whether each row continues a row of the same source. Then the keys and
                values of the sources, most of the state if they are long, are not moved.
        """
        visible = self.cross_visible
        return dataclasses.replace(
            self,
            layers=tuple(layer.select(index, same_sources=same_sources) for layer in self.layers),
            cross_visible=visible if same_sources else visible.index_select(0, index),
            examples=self.examples if same_sources else self.examples.index_select(0, index),
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    stream: Tensor  # B q d_model, the last decoder layer's output
    state: DecoderState


class StepDecoder(Protocol):
    """A decoder that consumes target tokens: the module `Decoder`, or `core.model.inference`'s."""

    def start(self, memory: Memory) -> DecoderState:
        """The state before the first step."""

    def __call__(self, table: Embedding, ids: TargetIds, state: DecoderState) -> Decoded:
        """Consume the next target tokens after those in `state`."""
