"""The share of the source in what a model writes, over a text."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.analysis.contributions.results import SourceShares
from core.analysis.contributions.rollout import batch_contributions
from core.analysis.contributions.words import means_of_words
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_batches
from core.checkpoint.weights import weights_hash
from core.evaluation.ratios import Estimate, ratios
from core.system.executor import WorkExecutor
from core.text.batches import TextBatch
from core.text.vocabulary import encode_pairs

N_PARTS = 5
"""Equal parts of an output, of which each has its own mean."""
LEAST_STEPS = N_PARTS
"""Shorter outputs do not count along the output."""
RARE_PER_CENT = 1.0

Shares = list[NDArray[np.float64]]


def source_shares(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    *,
    text: str,
    snapshots: Mapping[int, Checkpoint] | None = None,
    executor: WorkExecutor | None = None,
) -> SourceShares:
    """Measure it with the translations forced.

    Args:
        pairs: with text on both sides; at least two.
        snapshots: step of the training -> the checkpoint of that step.
        executor: where it is measured; by default, in this process. The result is the same.

    Raises:
        ValueError: if there are fewer than two pairs.
    """
    if len(pairs) < 2:
        raise ValueError(f"{text} has {len(pairs)} usable sentence pairs; give at least 2")
    found = shares_of(checkpoint, pairs, executor)
    targets = [target for _, target in pairs]
    others = [
        (source, target)
        for (source, _), target in zip(pairs, targets[1:] + targets[:1], strict=True)
    ]
    exchanged = shares_of(checkpoint, others, executor)
    low_sentence = float(np.percentile([each.mean() for each in found], RARE_PER_CENT))
    return SourceShares(
        mean=_mean(found),
        along=_along(found),
        at_end=_mean([each[-1:] for each in found]),
        exchanged=_mean(exchanged),
        caught=float(np.mean([each.mean() < low_sentence for each in exchanged])),
        low_word=float(np.percentile(_words(checkpoint, targets, found), RARE_PER_CENT)),
        low_sentence=low_sentence,
        snapshots={
            step: _mean(shares_of(each, pairs, executor))
            for step, each in (snapshots or {}).items()
        },
        text=text,
        n_sentences=len(pairs),
        weights_hash=weights_hash(checkpoint.model),
    )


def shares_of(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    executor: WorkExecutor | None = None,
) -> Shares:
    """The source's share in every step of every pair, the step of the end token last."""
    sources, targets = encode_pairs(checkpoint.vocabulary, pairs)
    found: dict[int, NDArray[np.float64]] = {}
    for indices, shares in over_batches(_of_batch, checkpoint, sources, targets, executor):
        found.update(zip(indices.tolist(), shares, strict=True))
    return [found[index] for index in range(len(pairs))]


def _of_batch(checkpoint: Checkpoint, batch: TextBatch) -> Shares:
    return [each.source_share for each in batch_contributions(checkpoint.model, batch)]


def _words(checkpoint: Checkpoint, targets: Sequence[str], shares: Shares) -> list[float]:
    """The source's share in every word of the text."""
    vocabulary, end_id = checkpoint.vocabulary, checkpoint.config.end_id
    return [
        share
        for target, of_steps in zip(targets, shares, strict=True)
        for share in means_of_words(
            vocabulary.target.read([*vocabulary.target.encode(target), end_id]), of_steps
        )
    ]


def _mean(shares: Shares) -> Estimate:
    """The mean over all steps, bootstrapped over sentences."""
    sums, counts = (
        np.array([function(each) for each in shares], float) for function in (np.sum, len)
    )
    return ratios((sums, counts)).at(())


def _along(shares: Shares) -> tuple[Estimate, ...]:
    long = [each[:-1] for each in shares if len(each) > LEAST_STEPS]
    if not long:
        return ()
    parts = [np.array_split(each, N_PARTS) for each in long]
    return tuple(_mean([own[part] for own in parts]) for part in range(N_PARTS))
