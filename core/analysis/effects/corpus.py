"""The effect of ablations on a whole text: ΔBLEU, ΔchrF, Δperplexity, with bootstrap intervals.

Every difference is paired: the scores with and without the ablation come from the same resamples of
the same sentences (Koehn 2004; `core.evaluation.bootstrap`).
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.ablation.head_means import HeadMeans
from core.analysis.effects.corpus_results import CorpusEffect, CorpusEffects
from core.analysis.result_cache import Arrays, DiskCache, Progress
from core.checkpoint.folder import Checkpoint
from core.checkpoint.parcel import Here, Parcel, for_tasks
from core.checkpoint.weights import weights_hash
from core.config import SearchConfig
from core.decoding.translate import translate
from core.evaluation.bootstrap import (
    bleu_statistics,
    chrf_statistics,
    corpus_score,
    interval_95,
    paired_difference,
)
from core.evaluation.likelihood import likelihood_statistics
from core.model import EncodedOnce, probing, reusing
from core.system.executor import HereExecutor, WorkExecutor
from core.text.parallel import text_hash

SCORES = ("bleu", "chrf", "perplexity")
"""Cased BLEU (13a), chrF, and the perplexity of the references per token."""


def corpus_effects(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    ablations: Sequence[Ablation],
    *,
    search: SearchConfig | None = None,
    means: HeadMeans | None = None,
    store: DiskCache | None = None,
    progress: Progress = lambda n_done, n: None,
    executor: WorkExecutor | None = None,
) -> CorpusEffects:
    """Translate the text with the unchanged model and under each ablation; score both.

    Args:
        store: stores the measurements of each finished ablation; repeating a cancelled call
            continues from them.
        executor: where the ablations are measured; by default, in this process. The result is the same.

    Raises:
        ValueError: if the text is empty, if `ablating` raises, or if an ablation names a source
            token beyond the longest source or a step beyond the longest reference.
    """
    if not pairs:
        raise ValueError("the text has no sentence pair; there is nothing to compare on")
    _check(checkpoint, pairs, ablations, means)
    search = search or SearchConfig()
    base, *others = statistics_of_all(
        checkpoint, pairs, (Ablation(), *ablations), search, means, store, progress, executor
    )
    return CorpusEffects(
        scores={name: corpus_score(name, base[name]) for name in SCORES},
        intervals_95={name: interval_95(name, base[name]) for name in SCORES},
        effects=tuple(
            CorpusEffect(
                ablation,
                {name: corpus_score(name, other[name]) for name in SCORES},
                {name: paired_difference(name, other[name], base[name]) for name in SCORES},
            )
            for ablation, other in zip(ablations, others, strict=True)
        ),
        n_sentences=len(pairs),
        data_hash=text_hash(pairs),
        weights_hash=weights_hash(checkpoint.model),
        search=search,
    )


def _check(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    ablations: Sequence[Ablation],
    means: HeadMeans | None,
) -> None:
    """Raise errors before hours of work, not after."""
    vocabulary = checkpoint.vocabulary
    sources = vocabulary.source.encode_lines([source for source, _ in pairs])
    references = vocabulary.target.encode_lines([reference for _, reference in pairs])
    n_source_pieces, n_steps = (1 + max(map(len, side)) for side in (sources, references))
    for ablation in ablations:
        ablation.check(checkpoint.model.config, n_source_pieces=n_source_pieces, n_steps=n_steps)
        ablating(checkpoint.model, [ablation], means)


def statistics_of_all(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    ablations: Sequence[Ablation],
    search: SearchConfig,
    means: HeadMeans | None = None,
    store: DiskCache | None = None,
    progress: Progress = lambda n_done, n: None,
    executor: WorkExecutor | None = None,
) -> list[Arrays]:
    """For each ablation and each of `SCORES`, one row of statistics per sentence; their sum gives the
    score. What the store has is not measured again."""
    executor = executor or HereExecutor()
    missing = [
        ablation
        for ablation in dict.fromkeys(ablations)
        if not (store and store.known(_what(pairs, ablation, search, means)) is not None)
    ]
    futures = {}
    if missing:
        model = for_tasks(checkpoint, executor)
        shared = executor.share(_Shared(tuple(pairs), search, means))
        futures = {each: executor.submit(_measured, model, shared, str(each)) for each in missing}
    found: list[Arrays] = []
    for ablation in ablations:
        progress(len(found), len(ablations))

        def make(ablation: Ablation = ablation) -> Arrays:
            return futures[ablation].result()

        what = _what(pairs, ablation, search, means)
        found.append(store.kept(what, make) if store else make())
    progress(len(found), len(found))
    return found


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all measurements of a text read."""

    pairs: tuple[tuple[str, str], ...]
    search: SearchConfig
    means: HeadMeans | None
    encoded: EncodedOnce = field(default_factory=EncodedOnce)
    """Empty until a task of this process has run."""


def _measured(model: Here | Parcel, shared: _Shared, ablation: str) -> Arrays:
    """One task: the text under one ablation."""
    changed = Ablation.parse(ablation)
    checkpoint = model.opened()
    with nullcontext() if changed.in_encoder else reusing(shared.encoded):
        return _statistics(checkpoint, shared.pairs, changed, shared.search, shared.means)


def _what(
    pairs: Sequence[tuple[str, str]],
    ablation: Ablation,
    search: SearchConfig,
    means: HeadMeans | None,
) -> dict[str, Any]:
    """All that a measurement depends on, beside the weights."""
    return {
        "result": "corpus statistics",
        "data": text_hash(pairs),
        "search": search.to_json(),
        "ablation": str(ablation),
        "means": means.data_hash if means and ablation.needs_means else None,
    }


def _statistics(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    ablation: Ablation,
    search: SearchConfig,
    means: HeadMeans | None,
) -> Arrays:
    sources, references = ([pair[side] for pair in pairs] for side in (0, 1))
    vocabulary = checkpoint.vocabulary
    with probing(checkpoint.model, ablating(checkpoint.model, [ablation], means)):
        translations = translate(checkpoint.model, vocabulary, sources, search)
        likelihoods = likelihood_statistics(
            checkpoint,
            vocabulary.source.encode_lines(sources),
            vocabulary.target.encode_lines(references),
        )
    return {
        "bleu": bleu_statistics(translations, references, lowercase=False),
        "chrf": chrf_statistics(translations, references),
        "perplexity": likelihoods,
    }
