"""A trace, and the vectors of its forced pass, as the figure shows them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.analysis.trace.trace import Trace
from core.text.pieces import Piece
from explorer.components.anatomy.component import DecodingStep, NextPiece, Sentence, Token
from explorer.figures.head import piece_label, piece_labels

if TYPE_CHECKING:
    from core.analysis.trace.block_vectors import ModelVectors


def sentence_of(trace: Trace, vectors: "ModelVectors | None") -> Sentence:
    """The sentence, its steps with the most probable pieces of each, its weights and vectors."""
    consumed, produced = _tokens(trace.consumed), _tokens(trace.target.pieces)
    steps = tuple(
        DecodingStep(reads, writes, _next_pieces(trace, index, writes.text))
        for index, (reads, writes) in enumerate(zip(consumed, produced, strict=True))
    )
    logits = _logits(trace, vectors) if vectors else ()
    return Sentence(_tokens(trace.source.pieces), steps, trace.weights, vectors, logits)


def _tokens(pieces: Sequence[Piece]) -> tuple[Token, ...]:
    labels = piece_labels(piece.name for piece in pieces)
    return tuple(Token(label, piece.word) for label, piece in zip(labels, pieces, strict=True))


def _next_pieces(trace: Trace, index: int, label: str) -> tuple[NextPiece, ...]:
    """The candidates of a step; the piece that it took comes last if it is none of them."""
    step = trace.steps[index]
    found = [
        NextPiece(
            label if each.token == step.token else piece_label(trace.names[each.token]),
            math.exp(each.log_probability_nats),
            each.token == step.token,
        )
        for each in step.candidates
    ]
    if not any(each.is_taken for each in found):
        found.append(NextPiece(label, math.exp(step.log_probability_nats), is_taken=True))
    return tuple(found)


def _logits(trace: Trace, vectors: "ModelVectors") -> tuple[tuple[float, ...], ...]:
    """For each step, one of each of its next pieces."""
    found = []
    for index, step in enumerate(trace.steps):
        own = [float(logit) for logit in vectors.logits[index]]
        if all(each.token != step.token for each in step.candidates):
            own.append(float(vectors.produced_logits[index]))
        found.append(tuple(own))
    return tuple(found)
