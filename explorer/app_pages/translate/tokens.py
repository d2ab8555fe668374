"""A trace for the Translate page: tokens with glosses and links, marked if forced or changed."""

import difflib
import math
from collections.abc import Sequence

import numpy as np

from core.analysis.heads.best import BestHead
from core.analysis.heads.word_attention import aligned_words
from core.analysis.trace.trace import Trace
from core.decoding.result import SearchResult
from core.text.pieces import Piece
from explorer.components.stepper.component import CandidateToken, SourceToken, StepToken
from explorer.figures.head import piece_label, piece_labels
from explorer.frame.in_words import gloss

RIBBON_MASS = 0.75
"""Ribbons show the strongest links that make up so much of a piece's attention to words."""


def source_tokens(shown: Trace) -> list[SourceToken]:
    """The source piece by piece, `</s>` last."""
    labels = piece_labels(piece.name for piece in shown.source.pieces)
    return [
        SourceToken(
            text=labels[index],
            opens=_opens(shown.source.pieces, index),
            special=piece.kind == "special",
            is_new=is_new,
        )
        for index, (piece, is_new) in enumerate(
            zip(shown.source.pieces, shown.is_new_in_source, strict=True)
        )
    ]


def step_tokens(
    shown: Trace, best: BestHead | None, *, n_forced: int = 0, earlier: Trace | None = None
) -> list[StepToken]:
    """The token that each step produced.

    Args:
        best: the cross-attention head that glosses and ribbons follow; None draws none.
        n_forced: how many tokens at the start the reader chose.
        earlier: another translation of the sentence; tokens that differ from it are marked.
    """
    glosses = _glosses(shown, best) if best else []
    changed = _changed(shown, earlier)
    labels = piece_labels(piece.name for piece in shown.target.pieces)
    return [
        StepToken(
            id=piece.id,
            text=labels[index],
            opens=_opens(shown.target.pieces, index),
            special=piece.kind == "special",
            probability=math.exp(step.log_probability_nats),
            gloss=glosses[piece.word] if _opens(shown.target.pieces, index) and glosses else "",
            candidates=tuple(
                CandidateToken(
                    candidate.token,
                    labels[index]
                    if candidate.token == piece.id
                    else piece_label(shown.names[candidate.token]),
                    math.exp(candidate.log_probability_nats),
                )
                for candidate in step.candidates
            ),
            links=_links(shown, best, index) if best else (),
            forced=index < n_forced,
            changed=changed[index],
        )
        for index, (piece, step) in enumerate(zip(shown.target.pieces, shown.steps, strict=True))
    ]


def _glosses(shown: Trace, best: BestHead) -> list[str]:
    """For each word of the translation, the source word that it is linked to."""
    aligned = aligned_words(shown, best.place, rows=best.rows)
    return [gloss(shown, word) for word in aligned]


def _opens(pieces: Sequence[Piece], index: int) -> bool:
    """Whether a piece begins a word; a special piece stands alone, and has no gloss."""
    word = pieces[index].word
    return word >= 0 and (index == 0 or pieces[index - 1].word != word)


def _changed(shown: Trace, earlier: Trace | None) -> list[bool]:
    """For each piece, whether neither it nor its word is in the other translation.

    Compared as text: the other may be of a model with another vocabulary, which cuts words elsewhere.
    """
    pieces = shown.target.pieces
    if earlier is None:
        return [False] * len(pieces)
    before, now = earlier.target, shown.target
    same_pieces = _in_both([p.name for p in before.pieces], [p.name for p in now.pieces])
    same_words = _in_both([w.text for w in before.words], [w.text for w in now.words])
    return [
        index not in same_pieces and piece.word not in same_words
        for index, piece in enumerate(pieces)
    ]


def _in_both(before: Sequence[str], now: Sequence[str]) -> set[int]:
    """For each text of `now`, whether `before` has it too, in the same order."""
    blocks = difflib.SequenceMatcher(None, before, now, autojunk=False).get_matching_blocks()
    return {block.b + offset for block in blocks for offset in range(block.size)}


def _links(shown: Trace, best: BestHead, index: int) -> tuple[tuple[int, float], ...]:
    """The source tokens, special ones excluded, with most of this query's weight."""
    query = index + (best.rows == "consumed")
    rows = best.place.of(shown.weights)
    is_word = np.array([piece.kind != "special" for piece in shown.source.pieces])
    if query >= len(rows) or shown.target.pieces[index].kind == "special" or not is_word.any():
        return ()
    row = np.where(is_word, rows[query], 0.0)
    order = np.argsort(row)[::-1]
    n = 1 + int(np.searchsorted(np.cumsum(row[order]), RIBBON_MASS * row.sum()))
    return tuple((int(key), round(float(row[key]), 4)) for key in order[:n])


def path_to(found: SearchResult, node: int) -> tuple[int, ...]:
    """The tokens from the root of a search's tree to one of its nodes, without `<s>`."""
    path: list[int] = []
    while found.tree[node].parent >= 0:
        path.append(found.tree[node].token)
        node = found.tree[node].parent
    return tuple(reversed(path))


def node_at(found: SearchResult, tokens: Sequence[int]) -> int | None:
    """The node at the end of these tokens; None if the search did not explore it."""
    reached = {(node.parent, node.token): index for index, node in enumerate(found.tree)}
    node: int | None = 0
    for token in tokens:
        node = reached.get((node, token)) if node is not None else None
    return node
