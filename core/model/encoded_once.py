"""The output of the encoder (section 3.1) for batches that are encoded again and again, computed once.

    encoded = EncodedOnce()
    with reusing(encoded):
        ...  # every pass of the same model over the same batch of sources shares the encoder's output

For runs that change the decoder alone: the encoder runs without any probe here, so probes of its
taps see nothing. A context variable holds it, as that of `core.model.taps`.
"""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar

import torch

from core.model.decoder_state import Memory
from core.model.shapes import Examples, SourceIds

Encode = Callable[[SourceIds, Examples], Memory]


class EncodedOnce:
    """Memories of one model, by the ids of their sources. It keeps all of them: for texts that fit."""

    def __init__(self) -> None:
        self._memories: dict[tuple[tuple[int, ...], bytes], Memory] = {}

    def memory(self, source: SourceIds, examples: Examples, encode: Encode) -> Memory:
        key = tuple(source.shape), source.cpu().numpy().tobytes()
        if key not in self._memories:
            self._memories[key] = Context().run(encode, source, examples)  # without probes
        return dataclasses.replace(self._memories[key], examples=examples)


_REUSED: ContextVar[EncodedOnce | None] = ContextVar("encoded", default=None)


def reused() -> EncodedOnce | None:
    return None if torch.compiler.is_compiling() else _REUSED.get()


@contextmanager
def reusing(encoded: EncodedOnce) -> Iterator[None]:
    """Within the block, `Transformer.encode` takes from `encoded` what is there, and adds the rest."""
    token = _REUSED.set(encoded)
    try:
        yield
    finally:
        _REUSED.reset(token)
