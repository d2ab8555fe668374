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
    """The mean weight on a draft token that is the token written at that step: N H.

    Only steps whose token stands in the draft count; 0 where there are none.

    Raises:
        ValueError: if the trace has no draft.
    """
    columns = _draft_columns(trace)
    draft = np.array([piece.id for piece in trace.source.pieces])[columns]
    written = np.array([piece.id for piece in trace.target.pieces])
    is_same = written[:, None] == draft  # T draft
    if not is_same.any():
        return np.zeros(trace.weights["cross"].shape[:2])
    on_same = (trace.weights["cross"][..., columns] * is_same).sum(-1, dtype=np.float64)
    return np.asarray(on_same[..., is_same.any(1)].mean(-1))


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
    draft = [piece.id for piece in trace.source.pieces][_start(trace) + 1 :]  # with its </s>
    written = [piece.id for piece in trace.target.pieces]
    is_kept = np.zeros(len(written), bool)
    for block in SequenceMatcher(None, draft, written, autojunk=False).get_matching_blocks():
        is_kept[block.b : block.b + block.size] = True
    return is_kept


def _start(trace: Trace) -> int:
    if trace.draft_start is None:
        raise ValueError("this trace has no draft; make one with `Translator.correct`")
    return trace.draft_start


def _draft_columns(trace: Trace) -> slice:
    """Between the separator and the last `</s>`."""
    return slice(_start(trace) + 1, len(trace.source.pieces) - 1)
