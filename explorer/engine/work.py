"""How much work an answer is, in tokens that a model reads or writes one after another: an estimate.

It decides what waits for its turn (`explorer.engine.heavy`), before any model is loaded.
"""

from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run

CHARACTERS_A_TOKEN = 3
FORCED_A_TOKEN = 5
"""Tokens that are given are read together, so that many take as long as one that is searched for."""


def searched(run: Run, n_times: int = 1) -> int:
    """Of translating a run's sentence: its tokens once, and about as many for every hypothesis."""
    n_tokens = len(run.text) // CHARACTERS_A_TOKEN
    return n_times * n_tokens * (1 + run.search.width)


def forced(shown: Trace, n_times: int) -> int:
    """Of running a model on a sentence and its translation, which is given, many times."""
    return n_times * n_pieces(shown) // FORCED_A_TOKEN


def n_pieces(shown: Trace) -> int:
    return len(shown.source.pieces) + len(shown.target.pieces)
