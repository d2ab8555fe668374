"""Sentence pairs in padded batches of similar length, for training and for scoring."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.config import SpecialIds
from core.system.pauses import pause
from core.text.tokenised import Indices, TokenisedCorpus


def epoch_batches(
    corpus: TokenisedCorpus, *, tokens_per_update: int, seed: int, epoch: int
) -> list[Indices]:
    """Every pair once, in batches of similar length, as a pure function of seed and epoch.

    A batch, padded, holds at most `tokens_per_update` source tokens and as many target tokens
    (section 5.1: about 25,000 each); a single longer pair is a batch of its own.
    """
    random = np.random.default_rng((seed, epoch))
    tie_break = random.random(len(corpus))
    source, target = corpus.source_lengths, corpus.target_lengths
    order = np.lexsort((tie_break, target, source + target))
    longest = np.maximum(source, target)[order]
    batches = []
    first, widest = 0, 0
    for position, length in enumerate(longest):
        widest = max(widest, int(length))
        if position > first and (position - first + 1) * widest > tokens_per_update:
            batches.append(order[first:position])
            first, widest = position, int(length)
    batches.append(order[first:])
    random.shuffle(batches)
    return batches


def microbatches(
    corpus: TokenisedCorpus, batch: Indices, *, tokens_per_microbatch: int, n_shards: int
) -> list[Indices]:
    """Cut one global batch into parts that fit the memory, a multiple of `n_shards` of them.

    Shard r of n takes parts r, r + n, ..: the batch is formed before it is shared out, so that the
    number of devices changes nothing but speed and dropout's random numbers. Parts may be empty when
    there are few pairs.
    """
    longest = np.maximum(corpus.source_lengths[batch], corpus.target_lengths[batch])
    n_parts = n_shards
    while n_parts < len(batch):
        parts = np.array_split(longest, n_parts)
        if max(len(part) * part.max() for part in parts) <= tokens_per_microbatch:
            break
        n_parts += n_shards
    return np.array_split(batch, n_parts)


@dataclass(frozen=True, slots=True)
class PaddedBatch:
    source: Tensor  # B S
    target: Tensor  # B T, from <s> to </s>

    def to(self, device: torch.device) -> "PaddedBatch":
        return PaddedBatch(
            self.source.to(device, non_blocking=True), self.target.to(device, non_blocking=True)
        )


def collate(corpus: TokenisedCorpus, indices: Indices) -> PaddedBatch:
    """Pad the pairs to the longest on each side; the start token is put before the target."""
    ids, pairs = corpus.ids, [corpus.pair(int(index)) for index in indices]
    return PaddedBatch(
        source=pad([source for source, _ in pairs], ids.pad),
        target=pad([np.concatenate(([ids.start], target)) for _, target in pairs], ids.pad),
    )


def pad(rows: Sequence[Sequence[int] | NDArray[np.integer[Any]]], pad_id: int) -> Tensor:
    """Rows of ids as one tensor, `pad_id` after the shorter ones: B n. No rows: 0 x 1."""
    width = max((len(row) for row in rows), default=1)
    padded = np.full((len(rows), width), pad_id, np.int64)
    for line, row in zip(padded, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(padded)


TOKENS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Some pairs of a text, of similar length; token ids without special tokens."""

    indices: Indices
    """The index of each pair in the text."""
    sources: Sequence[Sequence[int]]
    targets: Sequence[Sequence[int]]

    def padded(self, ids: SpecialIds) -> PaddedBatch:
        """With the special tokens of the model that will read the batch (`model.config.ids`).

        Pauses first: whoever pads a batch is about to run a model on it.
        """
        pause()
        return PaddedBatch(
            source=pad([[*source, ids.end] for source in self.sources], ids.pad),
            target=pad([[ids.start, *target, ids.end] for target in self.targets], ids.pad),
        )


def text_batches(
    sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> list[TextBatch]:
    """Group sentence pairs of similar length; the groups follow from the text alone.

    Args:
        sources, targets: token ids without special tokens.
    """
    lengths = [np.asarray([len(row) for row in side], np.int64) for side in (sources, targets)]
    return [
        TextBatch(indices, [sources[i] for i in indices], [targets[i] for i in indices])
        for indices in similar_lengths(*lengths)
    ]


def similar_lengths(source_lengths: Indices, target_lengths: Indices) -> list[Indices]:
    """Indices of pairs of similar length for each batch, about `TOKENS_AT_ONCE` tokens a side."""
    if not len(source_lengths):
        return []  # and not one batch of nothing
    order = np.argsort(source_lengths + target_lengths, kind="stable")
    widest = np.maximum(source_lengths, target_lengths)[order]
    cuts = np.flatnonzero(np.diff(np.cumsum(widest) // TOKENS_AT_ONCE)) + 1
    return np.split(order, cuts)
