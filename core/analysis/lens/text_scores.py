"""How good the translation is that the decoder makes of every encoder layer, over a text."""

import dataclasses
from collections.abc import Sequence
from functools import partial

from core.analysis.lens.decoder_lens import SENTENCES_AT_ONCE, encoder_depths, lens_translations
from core.analysis.lens.results import LensScores
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_groups
from core.checkpoint.weights import weights_hash
from core.config import SearchConfig
from core.evaluation.bootstrap import (
    Statistics,
    bleu_statistics,
    chrf_statistics,
    corpus_score,
    interval_95,
)
from core.evaluation.ratios import Estimate
from core.system.executor import WorkExecutor


def lens_scores(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    search: SearchConfig,
    *,
    text: str,
    executor: WorkExecutor | None = None,
) -> LensScores:
    """Translate the sources from every depth of the encoder, and score what comes.

    Args:
        text: its name.
        executor: where it is translated; by default, in this process. The result is the same.
    """
    sources, references = ([pair[side] for pair in pairs] for side in (0, 1))
    bleu, chrf = [], []
    for found in _translations(checkpoint, sources, search, executor):
        bleu.append(_estimate("bleu", bleu_statistics(found, references, lowercase=False)))
        chrf.append(_estimate("chrf", chrf_statistics(found, references)))
    return LensScores(
        tuple(bleu), tuple(chrf), text, len(pairs), dataclasses.asdict(search),
        weights_hash(checkpoint.model),
    )  # fmt: skip


def _translations(
    checkpoint: Checkpoint,
    sources: Sequence[str],
    search: SearchConfig,
    executor: WorkExecutor | None,
) -> list[list[str]]:
    """Those of each depth; a task is a depth and some sentences."""
    translations: list[list[str]] = [[] for _ in encoder_depths(checkpoint.model)]
    parts = [
        (depth, sources[first : first + SENTENCES_AT_ONCE])
        for depth in range(len(translations))
        for first in range(0, len(sources), SENTENCES_AT_ONCE)
    ]
    groups = [(some, (depth, some)) for depth, some in parts]
    results = over_groups(partial(_of_part, search=search), checkpoint, groups, executor)
    for (depth, _), (_, found) in zip(parts, results, strict=True):
        translations[depth] += found
    return translations


def _of_part(
    checkpoint: Checkpoint, part: tuple[int, Sequence[str]], *, search: SearchConfig
) -> list[str]:
    depth, sources = part
    return lens_translations(checkpoint.model, checkpoint.vocabulary, sources, depth, search)


def _estimate(name: str, statistics: Statistics) -> Estimate:
    return Estimate(corpus_score(name, statistics), interval_95(name, statistics))
