"""ALTI+: contributions of single blocks, rolled out through the encoder and the decoder.

Ferrando et al. 2022 (https://arxiv.org/abs/2205.11631), after Voita et al. 2021. Feed-forward
sub-layers are not decomposed: what enters one is taken to leave it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.analysis.contributions.decompose import BLOCK_TAPS, block_contributions
from core.analysis.trace.capture import capture, ids_of
from core.analysis.trace.capture_corpus import capture_batch
from core.analysis.trace.trace import Trace
from core.config import Kind
from core.model import Transformer
from core.system.pauses import pause
from core.text.batches import TextBatch

Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contributions:
    """One sentence. Row t is the step that consumes token t; every row of `source` and `prefix` sums
    to 1 together."""

    encoder: Shares  # N S S: the source tokens behind each position after each layer
    source: Shares  # N T S: of the source tokens in each step, after each decoder layer
    prefix: Shares  # N T T: of the consumed tokens

    @property
    def source_share(self) -> Shares:
        """How much of each step comes from the source, after the last layer: T, from 0 to 1."""
        return np.asarray(self.source[-1].sum(-1))

    @property
    def together(self) -> Shares:
        """[source | prefix] after the last layer: T (S + T)."""
        return np.hstack((self.source[-1], self.prefix[-1]))


def contributions(model: Transformer, trace: Trace) -> Contributions:
    """The contributions in a trace of the unchanged model."""
    seen = capture(model, *ids_of(model, trace), BLOCK_TAPS)
    return rolled_out(model, seen, 0, len(trace.source.pieces), len(trace.consumed))


def batch_contributions(model: Transformer, batch: TextBatch) -> list[Contributions]:
    """Those of each pair of a batch, the targets forced."""
    seen = capture_batch(model, batch, BLOCK_TAPS).seen
    return [
        rolled_out(model, seen, row, len(source) + 1, len(target) + 1)
        for row, (source, target) in enumerate(zip(batch.sources, batch.targets, strict=True))
    ]


@torch.inference_mode()
def rolled_out(
    model: Transformer, seen: Mapping[str, Tensor], row: int, n_source: int, n_steps: int
) -> Contributions:
    """The contributions in one row of a batch whose `BLOCK_TAPS` were captured; no padding counts."""

    def shares(kind: Kind, layer: int, n_queries: int, n_keys: int) -> Tensor:
        pause()
        found = block_contributions(
            model, seen, kind, layer, row=row, n_queries=n_queries, n_keys=n_keys
        )
        return found.cpu().double()

    encoder, sources, prefixes = [], [], []
    behind = torch.eye(n_source, dtype=torch.float64)
    for layer in range(model.config.n_encoder_layers):
        behind = shares("encoder", layer, n_source, n_source) @ behind
        encoder.append(behind)
    source = torch.zeros(n_steps, n_source, dtype=torch.float64)
    prefix = torch.eye(n_steps, dtype=torch.float64)
    for layer in range(model.config.n_decoder_layers):
        cross = shares("cross", layer, n_steps, n_source)  # T (S + 1)
        through = cross[:, -1:] * shares("decoder", layer, n_steps, n_steps)  # T T
        source = cross[:, :-1] @ behind + through @ source
        prefix = through @ prefix
        sources.append(source)
        prefixes.append(prefix)
    return Contributions(*(torch.stack(layers).numpy() for layers in (encoder, sources, prefixes)))
