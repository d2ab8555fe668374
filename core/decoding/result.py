"""The result of a search: hypotheses, their steps and candidates, and the tree explored."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    token: int
    log_probability_nats: float


@dataclass(frozen=True, slots=True)
class Step:
    """One produced token, and the most probable tokens at that step."""

    token: int
    log_probability_nats: float
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One finished translation."""

    tokens: tuple[int, ...]  # without </s>
    steps: tuple[Step, ...]  # one a token, the last one produces </s>
    log_probability_nats: float  # sum over steps, before the length penalty
    score: float  # what the beam ranked by: the sum over the length penalty
    is_cut: bool  # </s> was forced by the length limit


@dataclass(frozen=True, slots=True)
class Node:
    """One token of the tree that the search explored; node 0 is `<s>`."""

    parent: int  # -1 for the root
    token: int
    depth: int  # the root has 0
    log_probability_nats: float  # of this token
    total_nats: float  # from the root to here
    score: float  # total over the length penalty at this depth
    is_end: bool


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The translations found for one source, best first, and the tree explored."""

    hypotheses: tuple[Hypothesis, ...]
    tree: tuple[Node, ...]
    ends: tuple[int, ...]  # for each hypothesis, its end node in the tree

    @property
    def best(self) -> Hypothesis:
        return self.hypotheses[0]
