"""Differences between two runs: in words, in log-probability, in attention weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace, mean_probability
from core.config import KINDS, Kind
from core.text.word_diff import DiffRun, word_diff
from explorer.figures.axes import signed

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One sentence, translated by a model and by the model under a change."""

    before: Trace
    after: Trace
    held: Trace
    """The first translation, scored piece by piece under the change: its rows are those of before."""

    @property
    def diff(self) -> tuple[DiffRun, ...]:
        """How the first translation became the new one, word by word."""
        return word_diff(self.before.target.text, self.after.target.text)

    def moved_weight(self, kind: Kind) -> NDArray[np.float64]:
        """The weight that moved to other keys, 0 to 1, mean over queries: N H.

        Half the sum of absolute differences (total variation), on the words of the first
        translation.
        """
        return moved_weight(self.before.weights[kind], self.held.weights[kind])

    def most_moved(self) -> HeadPlace:
        """The head whose weights moved most."""
        moved = {kind: self.moved_weight(kind) for kind in KINDS}
        kind = max(KINDS, key=lambda kind: float(moved[kind].max()))
        layer, head = divmod(int(moved[kind].argmax()), moved[kind].shape[1])
        return HeadPlace(kind, layer, head)


def moved_weight(before: Numbers, after: Numbers) -> NDArray[np.float64]:
    """Half the sum of absolute differences of each row, mean over rows: .. q k -> .."""
    differences = np.abs(after.astype(np.float64) - before)
    return np.asarray(differences.sum(-1).mean(-1) / 2)


def score(trace: Trace) -> str:
    """The probability of a translation in words: of its average piece, and of all of it."""
    total = signed(trace.best.log_probability_nats, 2)
    return f"{mean_probability(trace):.0%} per piece on average; total log-probability {total}"


def reading(found: Comparison) -> str:
    """Describe in words how the translation changed."""
    return f"{_of_words(found)} {_of_probability(found)}"


def _of_words(found: Comparison) -> str:
    if all(run.change == "same" for run in found.diff):
        is_same = found.before.target.text == found.after.target.text
        return (
            "The translation stays the same, word for word."
            if is_same
            else "Every word stays; only punctuation changes."
        )
    kept, of_first = _count(found, "removed")
    new, of_new = _count(found, "added")
    if not kept:
        text = "Nothing of the first translation is left."
    else:
        lost, added = of_first - kept, of_new - new
        text = (
            f"{lost} of the {of_first} words of the first translation {_are(lost)} lost, "
            f"{added} {_are(added)} new."
        )
    if found.after.best.is_cut and not found.before.best.is_cut:
        text += " It finds no end: it was cut at the length limit (section 6.1)."
    return text


def _count(found: Comparison, change: str) -> tuple[int, int]:
    """How many words both texts share, and how many the one with this change has.

    What has neither a letter nor a digit is no word.
    """
    own = sum(_n_words(run.text) for run in found.diff if run.change == change)
    same = sum(_n_words(run.text) for run in found.diff if run.change == "same")
    return same, own + same


def _n_words(text: str) -> int:
    return sum(any(c.isalnum() for c in word) for word in text.split())


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _of_probability(found: Comparison) -> str:
    was, now = mean_probability(found.before), mean_probability(found.held)
    total_was, total_now = (
        signed(trace.best.log_probability_nats, 2) for trace in (found.before, found.held)
    )
    return (
        f"Made to write the first translation, the changed model gives each piece {now:.0%} on average "
        f"(before: {was:.0%}); total log-probability {total_now} (before: {total_was})."
    )
