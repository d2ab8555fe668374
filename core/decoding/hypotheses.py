"""The search tree of one sentence: which hypotheses stay open, and which translation wins.

    tree = HypothesisTree(config, prefix=[], max_pieces=60, start_id=2, end_id=3)
    rows = tree.grow(step, options)   # again and again, until no row is open
    tree.found(ranked)

The tree sees log-probabilities only; `core.decoding.search` gets them from the model.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.config import SearchConfig
from core.decoding.result import Candidate, Hypothesis, Node, SearchResult, Step


def length_penalty(n_tokens: int, config: SearchConfig) -> float:
    """The divisor of the log-probability of a hypothesis of `n_tokens` tokens, `</s>` included.

    gnmt: ((5 + |Y|) / 6)^α (Wu et al. 2016, Equation 14), the paper's. power: |Y|^α.
    """
    if config.length_penalty == "gnmt":
        return float(((5 + n_tokens) / 6) ** config.alpha)
    return float(n_tokens**config.alpha)


def max_target_pieces(n_source: int, config: SearchConfig, max_positions: int) -> int:
    """The longest translation: input length + 50 (section 6.1), at most `max_target_pieces`,
    without `</s>`.

    The decoder's positions limit it further; `<s>` takes the first of them.
    """
    return min(n_source + config.max_extra_pieces, config.max_target_pieces, max_positions - 1)


class Option(NamedTuple):
    """A hypothesis extended by one token."""

    node: int
    """The last node of the hypothesis."""
    row: int
    """The batch row whose distribution gave the token."""
    token: int
    log_prob: float
    """Of the token alone, in nats."""


class Open(NamedTuple):
    """An open hypothesis: its last node, and the batch row that it continues."""

    node: int
    row: int


@dataclass(frozen=True, slots=True)
class TopTokens:
    """The most probable tokens of every batch row at one step, best first, allowed or not."""

    tokens: list[list[int]]
    log_probs: list[list[float]]


class HypothesisTree:
    """All hypotheses of one sentence that were ever open, and the finished ones.

    Args:
        prefix: the tokens that its translation must begin with.
        max_pieces: the most tokens it may have, without `</s>`.
    """

    def __init__(
        self,
        config: SearchConfig,
        *,
        prefix: Sequence[int],
        max_pieces: int,
        start_id: int,
        end_id: int,
    ) -> None:
        self._config = config
        self._prefix = prefix
        self._max_pieces = max_pieces
        self._end_id = end_id
        self._nodes = [Node(-1, start_id, 0, 0.0, 0.0, 0.0, is_end=False)]
        self._origins = [(-1, -1)]  # of each node, the step and the row it was an option of
        self._ends: list[int] = []

    def last_token(self, node: int) -> int:
        return self._nodes[node].token

    def forced_token(self, node: int) -> int | None:
        """The only token allowed after a node, where the prefix or the length limit leaves just
        one."""
        return self._forced_at(self._nodes[node].depth)

    def grow(self, step: int, options: Iterable[Option]) -> list[Open]:
        """Extend the best hypotheses; return those still open, or none if no open one can win."""
        possible = (option for option in options if option.log_prob > -math.inf)
        opened: list[Open] = []
        for rank, option in enumerate(
            heapq.nlargest(2 * self._config.width, possible, self._total_nats)
        ):
            if option.token == self._end_id:
                if rank < self._config.width:
                    self._ends.append(self._add(step, option))
            elif len(opened) < self._config.width:
                opened.append(Open(self._add(step, option), option.row))
        return opened if self._goes_on(opened) else []

    def found(self, ranked: Sequence[TopTokens]) -> SearchResult:
        """The finished hypotheses, best first, and the tree.

        Args:
            ranked: for each step, the most probable tokens of each batch row.

        Raises:
            ValueError: if no hypothesis was finished, because the log-probabilities are NaN.
        """
        if not self._ends:
            raise ValueError(
                "no translation was found: the model's log-probabilities are not numbers; "
                "its weights may be damaged, load another checkpoint"
            )
        ends = self._best_ends()
        paths = {end: self._path(end) for end in ends}
        on_paths = {node for path in paths.values() for node in path}
        steps = {node: self._step(node, ranked) for node in on_paths}
        return SearchResult(
            hypotheses=tuple(
                self._hypothesis(end, tuple(steps[node] for node in path))
                for end, path in paths.items()
            ),
            tree=tuple(self._nodes),
            ends=tuple(ends),
        )

    def rows_of_best(self) -> list[int]:
        """For each step of the best translation, the batch row that it came from."""
        return [self._origins[node][1] for node in self._path(self._best_ends()[0])]

    def _best_ends(self) -> list[int]:
        return sorted(self._ends, key=lambda node: -self._nodes[node].score)[: self._config.width]

    def _forced_at(self, depth: int) -> int | None:
        if depth < len(self._prefix):
            return self._prefix[depth]
        return self._end_id if depth >= self._max_pieces else None

    def _total_nats(self, option: Option) -> float:
        return self._nodes[option.node].total_nats + option.log_prob

    def _add(self, step: int, option: Option) -> int:
        total = self._total_nats(option)
        depth = self._nodes[option.node].depth + 1
        score = total / length_penalty(depth, self._config)
        is_end = option.token == self._end_id
        self._nodes.append(
            Node(option.node, option.token, depth, option.log_prob, total, score, is_end)
        )
        self._origins.append((step, option.row))
        return len(self._nodes) - 1

    def _goes_on(self, opened: Sequence[Open]) -> bool:
        """Whether an open hypothesis can still win.

        A hypothesis only loses log-probability as it grows, so the best it can reach is its present
        total over the largest penalty. A beam of one is greedy search: it ends at its first `</s>`.
        """
        if not opened or (self._config.width == 1 and self._ends):
            return False
        if not self._ends:
            return True
        largest = length_penalty(self._max_pieces + 1, self._config)
        reachable = max(self._nodes[each.node].total_nats for each in opened) / largest
        return reachable > max(self._nodes[node].score for node in self._ends)

    def _path(self, end: int) -> list[int]:
        """The nodes from the first token to this one."""
        path = []
        node = end
        while node > 0:
            path.append(node)
            node = self._nodes[node].parent
        return path[::-1]

    def _hypothesis(self, end: int, steps: tuple[Step, ...]) -> Hypothesis:
        last = self._nodes[end]
        is_forced = self._forced_at(last.depth - 1) is not None
        return Hypothesis(
            tokens=tuple(step.token for step in steps[:-1]),
            steps=steps,
            log_probability_nats=last.total_nats,
            score=last.score,
            is_cut=is_forced and last.depth > len(self._prefix),
        )

    def _step(self, node: int, ranked: Sequence[TopTokens]) -> Step:
        step, row = self._origins[node]
        n, top = self._config.n_candidates, ranked[step]
        candidates = tuple(map(Candidate, top.tokens[row][:n], top.log_probs[row][:n]))
        return Step(self._nodes[node].token, self._nodes[node].log_probability_nats, candidates)
