"""Run a model over a whole parallel text, teacher-forced, and record taps batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from core.analysis.trace.capture import capture
from core.model import Transformer
from core.text.batches import PaddedBatch, TextBatch, text_batches
from core.text.tokenised import Indices


@dataclass(frozen=True, slots=True)
class CapturedBatch:
    """One batch of pairs, and the tensors recorded while the model was teacher-forced on them."""

    indices: Indices
    """The index of each pair in the text; row i of every tensor belongs to pair `indices[i]`."""
    batch: PaddedBatch
    source_is_real: Bool[Tensor, "B S"]
    """Source positions that are not padding, the end token among them."""
    step_is_real: Bool[Tensor, "B T"]
    """Decoder steps that produce a token of the target, the end token among them."""
    seen: Mapping[str, Tensor]
    """Tap name -> its tensor; step t consumes target token t, from the start token on."""


def capture_corpus(
    model: Transformer,
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    taps: Sequence[str],
) -> Iterator[CapturedBatch]:
    """Teacher-force the targets in batches of similar length, and yield the recorded taps.

    The caller's active probes apply to every batch, so a text can be captured under an ablation.
    The recording itself adds no probe to the caller's code between batches.

    Args:
        sources, targets: token ids without special tokens.
        taps: names or patterns, such as `*.weights`; see `core.model.taps`.

    Raises:
        KeyError: if a pattern matches no tap.
        ValueError: if a side has more tokens than the model has positions.
    """
    for batch in text_batches(sources, targets):
        yield capture_batch(model, batch, taps)


def capture_batch(model: Transformer, batch: TextBatch, taps: Sequence[str]) -> CapturedBatch:
    """Teacher-force the targets of one batch; see `capture_corpus`."""
    padded = batch.padded(model.config.ids).to(next(model.parameters()).device)
    return CapturedBatch(
        indices=batch.indices,
        batch=padded,
        source_is_real=padded.source != model.config.pad_id,
        step_is_real=padded.target[:, 1:] != model.config.pad_id,
        seen=capture(model, padded.source, padded.target[:, :-1], taps),
    )


@torch.inference_mode()
def real_positions(captured: CapturedBatch, tensor: Tensor, *, of_source: bool) -> Tensor:
    """The positions of all pairs that are not padding: B H n .. -> positions H ..

    Args:
        of_source: whether n counts source positions or decoder steps.
    """
    is_real = captured.source_is_real if of_source else captured.step_is_real
    return tensor.transpose(1, 2)[is_real]
