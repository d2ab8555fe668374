"""Attention weights between words, and the source word that each translated word attends to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace
from core.text.pieces import Piece

AlignmentStep = Literal["produced", "consumed"]
"""Whether a target word is read at the step that produced it or at the step that consumed it."""


def word_weights(
    weights: NDArray[np.floating[Any]],
    queries: Sequence[Piece],
    keys: Sequence[Piece],
    *,
    with_special: bool = False,
) -> NDArray[np.floating[Any]]:
    """Weights between words: summed over a key word's pieces, averaged over a query word's.

    Special tokens are left out, so a query word's weights sum to 1 minus the weight on special
    tokens.

    Args:
        weights: .. q k, one row for each of `queries`, one column for each of `keys`.
        with_special: add a last column, the weight on all special tokens.

    Returns:
        .. query words, key words
    """
    to_query, to_key = (
        _membership([piece.word for piece in pieces], 1 + max((p.word for p in pieces), default=-1))
        for pieces in (queries, keys)
    )
    if with_special:
        to_key = np.vstack((to_key, 1 - to_key.sum(0)))
    return _between(weights, to_query, to_key)


def weights_between(
    weights: NDArray[np.floating[Any]], words: Sequence[int], n_words: int
) -> NDArray[np.floating[Any]]:
    """The same for self-attention, between words that the caller names.

    Args:
        weights: .. k k
        words: the word of each token; -1 for none. A word without tokens gets a row of zeros.
    """
    membership = _membership(words, n_words)
    return _between(weights, membership, membership)


def _between(
    weights: NDArray[np.floating[Any]], to_query: NDArray[np.float64], to_key: NDArray[np.float64]
) -> NDArray[np.floating[Any]]:
    mean = to_query / np.maximum(to_query.sum(1, keepdims=True), 1)
    return mean @ weights @ to_key.T  # type: ignore[no-any-return]


def _membership(words: Sequence[int], n_words: int) -> NDArray[np.float64]:
    """Words x tokens: 1 where the token belongs to the word."""
    return np.equal(np.arange(n_words)[:, None], np.array(words, np.int64)).astype(np.float64)


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A word of the translation, its probability, and the source word that it attends to most."""

    text: str
    probability: float  # product over the word's pieces, each given all before it
    source_word: int  # index among the source's words
    source_weight: float  # the share of the word's attention that this source word got


def aligned_words(
    trace: Trace, place: HeadPlace, *, rows: AlignmentStep
) -> tuple[AlignedWord, ...]:
    """Each produced word with the source word that one cross-attention head links it to.

    Args:
        place: a head of cross-attention.
        rows: which step of a word to read: the one that produced it or the one that consumed it.
    """
    if not trace.source.words or not trace.target.words:
        return ()
    weights = place.of(trace.weights)
    produced = trace.target.pieces[:-1]  # </s> is no word
    of_rows = weights[: len(produced)] if rows == "produced" else weights[1 : len(produced) + 1]
    links = word_weights(of_rows, produced, trace.source.pieces)
    log_probabilities = [0.0] * len(trace.target.words)
    for piece, step in zip(produced, trace.steps, strict=False):
        log_probabilities[piece.word] += step.log_probability_nats
    return tuple(
        AlignedWord(word.text, math.exp(total), int(link.argmax()), float(link.max()))
        for word, total, link in zip(trace.target.words, log_probabilities, links, strict=True)
    )
