"""Measure the translations of every snapshot of a training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.analysis.alignment.links import links_of
from core.analysis.alignment.words import WordMatrices, over_word_matrices
from core.analysis.contributions.text_shares import shares_of
from core.analysis.head_place import HeadPlace
from core.analysis.heads.word_attention import AlignmentStep
from core.analysis.learning.ngrams import NgramModel
from core.analysis.learning.order import kept_order
from core.analysis.learning.results import Learning, Moment
from core.checkpoint.folder import Checkpoint
from core.checkpoint.weights import weights_hash
from core.config import SearchConfig
from core.evaluation.bootstrap import bleu_statistics, corpus_score, interval_95
from core.evaluation.ratios import Estimate, ratios
from core.evaluation.translations import translate_text
from core.system.executor import WorkExecutor
from core.text.pieces import normalise

ORDERS = (1, 2, 3, 4)
GREEDY = SearchConfig(method="greedy", n_candidates=0)


@dataclass(frozen=True, slots=True)
class Aligner:
    """A finished model whose head links words; it reads the translations of every moment alike."""

    checkpoint: Checkpoint
    place: HeadPlace
    step: AlignmentStep
    name: str


def learning(
    snapshots: Mapping[int, Callable[[], Checkpoint]],
    pairs: Sequence[tuple[str, str]],
    language: Sequence[str],
    aligner: Aligner,
    *,
    text: str,
    language_text: str,
    progress: Callable[[int, int], None] = lambda n_done, n: None,
    executor: WorkExecutor | None = None,
) -> Learning:
    """Translate a text greedily by every snapshot, and measure the translations.

    Args:
        snapshots: step of the training -> loads the checkpoint of that step; the last is finished.
        pairs: at least two.
        language: sentences of the target language that the n-gram models are counted on.
        executor: where texts are translated and read; by default, in this process. The result is the
            same.

    Raises:
        ValueError: if there are fewer than two pairs, or no snapshot or sentence of the language.
    """
    if len(pairs) < 2 or not snapshots or not language:
        raise ValueError(
            f"{len(pairs)} sentence pairs, {len(snapshots)} snapshots and {len(language)} sentences of the "
            "language; give at least 2, 1 and 1"
        )
    sources, references = (list(side) for side in zip(*pairs, strict=True))
    counted = [words_of(sentence) for sentence in language]
    models = {order: NgramModel(order, counted) for order in ORDERS}
    moments = {}
    for number, (step, load) in enumerate(sorted(snapshots.items())):
        progress(number, len(snapshots))
        checkpoint = load()
        found = translate_text(checkpoint, sources, GREEDY, executor=executor)
        moments[step] = Moment(
            ngrams=_ngram_scores(models, found),
            kept_order=_kept(aligner, sources, found, executor),
            bleu=_bleu(found, references),
            source_share=_source_share(checkpoint, pairs, executor),
        )
    progress(len(snapshots), len(snapshots))
    return Learning(
        moments=moments,
        reference=Moment(
            _ngram_scores(models, references),
            _kept(aligner, sources, references, executor),
            None,
            None,
        ),
        text=text,
        n_sentences=len(pairs),
        language_text=language_text,
        aligner=f"{aligner.name}, {aligner.place.label}",
        weights_hash=weights_hash(checkpoint.model),
    )


def words_of(sentence: str) -> list[str]:
    """Words as n-grams count them: between spaces, without capitals, punctuation left on."""
    return normalise(sentence).casefold().split()


def _ngram_scores(models: Mapping[int, NgramModel], texts: Sequence[str]) -> dict[int, Estimate]:
    words = [words_of(text) for text in texts]
    scores = {}
    for order, model in models.items():
        found = np.array([model.log_probability_nats(each) for each in words], np.float64)
        scores[order] = ratios((found[:, 0], found[:, 1])).at(())
    return scores


def _kept(
    aligner: Aligner,
    sources: Sequence[str],
    targets: Sequence[str],
    executor: WorkExecutor | None,
) -> Estimate:
    counts = np.zeros((len(sources), 2))
    in_order = partial(_order, place=aligner.place, step=aligner.step)
    for index, of_pair in over_word_matrices(
        in_order, aligner.checkpoint, sources, targets, ("weights",), executor
    ):
        counts[index] = of_pair
    return ratios((counts[:, 0], counts[:, 1])).at(())


def _order(matrices: WordMatrices, *, place: HeadPlace, step: AlignmentStep) -> tuple[int, int]:
    links = links_of(matrices["weights", step][place.layer, place.head])
    return kept_order([(each.source, each.target) for each in links])


def _bleu(found: Sequence[str], references: Sequence[str]) -> Estimate:
    rows = bleu_statistics(found, references, lowercase=False)
    return Estimate(corpus_score("bleu", rows), interval_95("bleu", rows))


def _source_share(
    checkpoint: Checkpoint, pairs: Sequence[tuple[str, str]], executor: WorkExecutor | None
) -> Estimate:
    shares = shares_of(checkpoint, pairs, executor)
    sums, counts = (
        np.array([function(each) for each in shares], float) for function in (np.sum, len)
    )
    return ratios((sums, counts)).at(())
