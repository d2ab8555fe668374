"""Count, sentence by sentence, how often the largest weight of a head falls where a role says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tops = NDArray[np.integer[Any]]
"""N H q: the key with the largest weight of each query; -1 where none counts."""
Targets = NDArray[np.bool_]
"""q k: the keys that a role names for each query."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One sentence, and one thing that heads may do in it."""

    hits: NDArray[np.float64]  # N H
    baselines: NDArray[np.float64]  # B: hits of each trivial rule
    control: NDArray[np.float64]  # N H: expected hits when shuffled
    chances: float
    """The queries for which the role names a key."""


def count(
    tops: Tops,
    targets: Targets,
    *,
    baselines: Sequence[NDArray[np.integer[Any]]] = (),
    visible: Targets | None = None,
) -> Counted:
    """Hits of every head, of trivial rules and of the control.

    Only queries for which the role names a key count. The control has no random numbers: it is the
    mean over all ways of shuffling. Without `visible`, rows are dealt to other queries: a query gets
    the row of any other query of those that count. With `visible`, each row's columns are shuffled.

    Args:
        baselines: for each rule the key that it names at every query, -1 for none: q. Without any,
            the rule is a key by chance, of those that `visible` shows, or of all.
        visible: q k, the keys among which a row's columns are shuffled.
    """
    asked = np.flatnonzero(targets.any(-1))
    n, named = len(asked), targets[asked]
    found = tops[..., asked]  # N H n
    hits = _named(named, found)
    allowed = named | True if visible is None else visible[asked]
    by_chance = (named & allowed).sum(-1) / np.maximum(allowed.sum(-1), 1)
    rules = [float(by_chance.sum())]
    if baselines:
        rules = [float(_named(named, rule[asked]).sum()) for rule in baselines]
    if visible is not None:
        control = np.full(hits.shape[:-1], by_chance.sum())
    else:
        control = _dealt(named, found, hits)
    return Counted(hits.sum(-1), np.array(rules), control, float(n))


def _named(named: Targets, found: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Whether the key found at each query is one that the role names: .. n."""
    at = np.arange(len(named))
    is_key = found >= 0
    return np.where(is_key, named[at, np.where(is_key, found, 0)], False).astype(np.float64)


def _dealt(
    named: Targets, found: NDArray[np.integer[Any]], hits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Expected hits if each query had the row of one of the others: N H."""
    n = len(named)
    if n < 2:
        return np.zeros(hits.shape[:-1])
    every = named[:, np.maximum(found, 0)] & (found >= 0)  # n N H n: query, then whose row
    total = every.sum((0, -1))
    return np.asarray((total - hits.sum(-1)) / (n - 1))


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a whole text, for everything that one role may mean.

    C: what it may mean, such as offsets or relations. Row n of every array is sentence n.
    """

    names: tuple[str, ...]  # C
    hits: NDArray[np.float64]  # n C N H
    baselines: NDArray[np.float64]  # n C B
    control: NDArray[np.float64]  # n C N H
    chances: NDArray[np.float64]  # n C

    @classmethod
    def empty(
        cls, n_sentences: int, names: Sequence[str], shape: tuple[int, int], n_rules: int = 1
    ) -> "Tally":
        n, c = n_sentences, len(names)
        return cls(
            tuple(names),
            np.zeros((n, c, *shape)),
            np.zeros((n, c, n_rules)),
            np.zeros((n, c, *shape)),
            np.zeros((n, c)),
        )

    def add(self, sentence: int, what: str, counted: Counted) -> None:
        at = (sentence, self.names.index(what))
        self.hits[at] = counted.hits
        self.baselines[at] = counted.baselines
        self.control[at] = counted.control
        self.chances[at] = counted.chances

    def put(self, sentences: Sequence[int], part: "Tally") -> None:
        """Copy the counts of some sentences, one a row of `part`."""
        for whole, own in (
            (self.hits, part.hits),
            (self.baselines, part.baselines),
            (self.control, part.control),
            (self.chances, part.chances),
        ):
            whole[sentences] = own
