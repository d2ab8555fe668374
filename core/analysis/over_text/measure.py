"""Measure the sentences of a text, some at a time."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.analysis.contributions.decompose import BLOCK_TAPS
from core.analysis.contributions.rollout import rolled_out
from core.analysis.contributions.words import detached_warnings
from core.analysis.heads.measures import MEASURES
from core.analysis.over_text.sentences import Measured, Sentence, Unread
from core.analysis.trace.capture import trace_of
from core.analysis.trace.capture_corpus import capture_corpus
from core.analysis.trace.warnings import warnings_of
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_parts
from core.config import KINDS, SearchConfig
from core.decoding.search import check, search
from core.decoding.translate import written
from core.evaluation.bootstrap import chrf_statistics, corpus_score
from core.system.executor import WorkExecutor
from core.text.languages import is_wordless

if TYPE_CHECKING:
    from core.analysis.contributions.results import SourceShares
    from core.analysis.trace.trace import Trace

AT_ONCE = 25
"""Sentences that are measured between two moves of a progress bar."""
CUT = "The translation came to no end within the limit on its length."


def measure_sentences(
    checkpoint: Checkpoint,
    sentences: Sequence[Sentence],
    search_config: SearchConfig | None = None,
    *,
    usual: "SourceShares | None" = None,
) -> list[Measured | Unread]:
    """Translate and measure sentences by the unchanged model, in their order.

    Args:
        usual: what is usual for the model; with it, words that hardly come from the source are warned of.
    """
    config = search_config or SearchConfig()
    found: list[Measured | Unread | None] = [None] * len(sentences)
    readable: list[int] = []
    ids: list[list[int]] = []
    for number, sentence in enumerate(sentences):
        try:
            own = _encoded(checkpoint, sentence, config)
        except ValueError as error:
            found[number] = Unread(sentence, str(error))
            continue
        readable.append(number)
        ids.append(own)
    for number, measured in zip(
        readable,
        _measured(checkpoint, [sentences[n] for n in readable], ids, config, usual),
        strict=True,
    ):
        found[number] = measured
    return [one for one in found if one is not None]


def measure_text(
    checkpoint: Checkpoint,
    sentences: Sequence[Sentence],
    search_config: SearchConfig | None = None,
    *,
    usual: "SourceShares | None" = None,
    executor: WorkExecutor | None = None,
) -> Iterator[list[Measured | Unread]]:
    """Yield what `measure_sentences` finds, `AT_ONCE` sentences at a time, in order.

    Args:
        executor: where they are measured; by default, in this process. The result is the same.
    """
    measured = partial(measure_sentences, search_config=search_config, usual=usual)
    parts = (sentences[first : first + AT_ONCE] for first in range(0, len(sentences), AT_ONCE))
    yield from over_parts(measured, checkpoint, parts, executor)


def _encoded(checkpoint: Checkpoint, sentence: Sentence, config: SearchConfig) -> list[int]:
    """Raises ValueError if the model cannot read the sentence."""
    vocabulary = checkpoint.vocabulary.source
    if is_wordless(sentence.source, vocabulary.languages):
        raise ValueError("the line holds no text")
    ids = vocabulary.encode(sentence.source)
    check(checkpoint.config, [ids], [()], config)
    return ids


def _measured(
    checkpoint: Checkpoint,
    sentences: Sequence[Sentence],
    ids: Sequence[list[int]],
    config: SearchConfig,
    usual: "SourceShares | None",
) -> list[Measured]:
    if not sentences:
        return []
    model, vocabulary = checkpoint.model, checkpoint.vocabulary
    unseen = checkpoint.metrics.get("pieces_not_in_training", {})
    new = {f"new_{side}_ids": frozenset(unseen.get(side, ())) for side in ("source", "target")}
    results = search(model, ids, config, unwritable=vocabulary.unwritable)
    targets = [each.best.tokens for each in results]
    found: list[Measured | None] = [None] * len(sentences)
    for captured in capture_corpus(model, ids, targets, BLOCK_TAPS):
        for row, index in enumerate(captured.indices):
            trace = trace_of(
                model, vocabulary, ids[index], results[index], captured.seen, config=config, row=row,
                **new,
            )  # fmt: skip
            shares = rolled_out(
                model, captured.seen, row, len(trace.source.pieces), len(trace.steps)
            ).source_share
            translation = written(vocabulary, results[index].best.tokens)
            found[index] = _of(trace, sentences[index], translation, shares, usual)
    return [one for one in found if one is not None]


def _of(
    trace: "Trace",
    given: Sentence,
    translation: str,
    shares: "np.ndarray",
    usual: "SourceShares | None",
) -> Measured:
    best = trace.best
    heads = {
        name: {kind: measure.function(trace, kind, None) for kind in KINDS}
        for name, measure in MEASURES.items()
    }
    chrf = None
    if given.reference:
        chrf = corpus_score("chrf", chrf_statistics([translation], [given.reference]))
    detached = detached_warnings(trace, shares, usual) if usual else ()
    return Measured(
        given=given,
        translation=translation,
        n_pieces=len(trace.steps),
        score=best.score,
        log_probability_nats=best.log_probability_nats,
        source_share=float(shares.mean()),
        entropy_nats=float(heads["entropy"]["cross"].mean()),
        chrf=chrf,
        warnings=(*([CUT] if best.is_cut else []), *warnings_of(trace), *detached),
        heads=heads,
        n_queries={
            "encoder": len(trace.source.pieces),
            "decoder": len(trace.steps),
            "cross": len(trace.steps),
        },
    )
