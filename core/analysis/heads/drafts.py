"""What heads do with a draft: how much they attend to it, copy from it, and look past it to repair it.

Works on the arrays of a `Trace` of a second attempt, without torch.
"""

from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from core.analysis.trace.trace import Trace

ByHead = NDArray[np.float64]


def draft_mass(trace: Trace) -> NDArray[np.float64]:
    """The share of each query's cross-attention weight on the draft, its two marks not counted: N H T.

    Raises:
        ValueError: if the trace has no draft.
    """
    return np.asarray(trace.weights["cross"][..., _draft_columns(trace)].sum(-1, dtype=np.float64))


def copying(trace: Trace) -> ByHead:
    """The mean weight on the token of the draft that a step keeps: N H.

    Only steps that keep one count (`kept_steps`), not the one that writes the end; 0 where there are
    none.

    Raises:
        ValueError: if the trace has no draft.
    """
    first = _start(trace) + 1
    end = len(trace.source.pieces) - 1
    kept = [(first + at, step) for at, step in _kept(trace) if first + at < end]
    if not kept:
        return np.zeros(trace.weights["cross"].shape[:2])
    columns, steps = zip(*kept, strict=True)
    return np.asarray(trace.weights["cross"][..., steps, columns].mean(-1, dtype=np.float64))


def repairing(trace: Trace) -> ByHead:
    """Weight on the source at steps that change the draft, minus that at steps that keep it: N H.

    Above 0, a head turns from the draft to the source where it is repaired. 0 where all is kept, or
    nothing.

    Raises:
        ValueError: if the trace has no draft.
    """
    is_kept = kept_steps(trace)
    if is_kept.all() or not is_kept.any():
        return np.zeros(trace.weights["cross"].shape[:2])
    start = _start(trace)
    on_source = trace.weights["cross"][..., : start - 1].sum(-1, dtype=np.float64)  # but its </s>
    return np.asarray(on_source[..., ~is_kept].mean(-1) - on_source[..., is_kept].mean(-1))


def kept_steps(trace: Trace) -> NDArray[np.bool_]:
    """For each step, whether its token stands in the draft in the same order: T.

    Raises:
        ValueError: if the trace has no draft.
    """
    is_kept = np.zeros(len(trace.target.pieces), bool)
    is_kept[[step for _, step in _kept(trace)]] = True
    return is_kept


def _kept(trace: Trace) -> list[tuple[int, int]]:
    """The place in the draft, its `</s>` included, and the step of each token that is kept."""
    draft = [piece.id for piece in trace.source.pieces][_start(trace) + 1 :]
    written = [piece.id for piece in trace.target.pieces]
    blocks = SequenceMatcher(None, draft, written, autojunk=False).get_matching_blocks()
    return [(block.a + n, block.b + n) for block in blocks for n in range(block.size)]


def _start(trace: Trace) -> int:
    if trace.draft_start is None:
        raise ValueError("this trace has no draft; make one with `Translator.correct`")
    return trace.draft_start


def _draft_columns(trace: Trace) -> slice:
    """Between the separator and the last `</s>`."""
    return slice(_start(trace) + 1, len(trace.source.pieces) - 1)
