"""A model whose next-piece distribution is written down, so that a search can be checked by hand."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from core.config import ModelConfig
from core.model import DecoderState, Memory, Transformer
from core.model.attention import KeysValues
from core.model.decoder_state import Decoded, LayerState

Script = Callable[[int, tuple[int, ...]], Sequence[float]]
"""(first piece of the source, pieces produced so far) -> one logit a piece, in float64."""


class ScriptedModel(Transformer):
    """Speaks the interface the search uses; its cache is the history of each row."""

    def __init__(self, script: Script, vocabulary_size: int) -> None:
        nn.Module.__init__(self)
        self.config = ModelConfig(vocabulary_size=vocabulary_size)
        self.script = script
        self.place = nn.Parameter(torch.zeros(1))
        self.n_decoded_rows = 0

    def encode(self, source: Tensor, examples: Tensor | None = None) -> Memory:
        assert examples is not None, "the search says which example each row is"
        return Memory(source, source, examples)

    def start(self, memory: Memory) -> DecoderState:
        layer = LayerState(cross=KeysValues(memory.stream, memory.stream))
        return DecoderState((layer,), memory.visible, memory.examples)

    def decode(self, target: Tensor, state: DecoderState) -> Decoded:
        (layer,) = state.layers
        history = torch.cat((layer.past.keys, target), dim=1) if layer.past else target
        seen = torch.cat((layer.cross.keys[:, :1], history), dim=1)
        self.n_decoded_rows += len(target)
        remembered = LayerState(cross=layer.cross, past=KeysValues(history, history))
        return Decoded(
            seen[:, None],
            DecoderState((remembered,), state.cross_visible, state.examples, state.n_past + 1),
        )

    def logits(self, stream: Tensor) -> Tensor:
        rows = [self.script(row[0], tuple(row[2:])) for row in stream.tolist()]
        return torch.tensor(rows, dtype=torch.float64)
