"""The matrices of every sentence pair, where a test wants them whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.analysis.alignment.words import VALUES, Values, WordMatrices, over_word_matrices
from core.checkpoint.folder import Checkpoint
from core.model import Transformer
from core.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class Pair:
    index: int
    of: WordMatrices


def word_matrices(
    model: Transformer,
    vocabulary: Vocabulary,
    sources: Sequence[str],
    targets: Sequence[str],
    values: Sequence[Values] = VALUES,
) -> Iterator[Pair]:
    checkpoint = Checkpoint(model, vocabulary)
    for index, of in over_word_matrices(_whole, checkpoint, sources, targets, values):
        yield Pair(index, of)


def _whole(matrices: WordMatrices) -> WordMatrices:
    return matrices
