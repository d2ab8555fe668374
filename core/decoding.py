"""Finding a translation (section 6.1): greedy, beam and sampled search over a cached decoder.

    search(model, [source_ids, ...], SearchConfig()) -> [Found, ...]

All three methods are one loop. Each open hypothesis is a row of the batch and a node of its
sentence's tree; every step asks the model for one distribution a row, lets the method propose
continuations, and re-orders the cache to the rows that go on. Search runs unobserved: what
pictures need is captured afterwards, in one forced pass (`core.tracing`).
"""

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.config import ModelConfig, SearchConfig
from core.data import pad
from core.model import DecoderState, Transformer
from core.records import Candidate, Found, Hypothesis, Node, Step

MAX_SOURCE_PIECES = 512
"""`</s>` not counted."""

PIECES_AT_ONCE = 4_096
"""A batch holds at most so many source pieces, padding and beams included."""


class SourceTooLongError(ValueError):
    """The source has more pieces than the search takes."""


def length_penalty(n_tokens: int, config: SearchConfig) -> float:
    """What a hypothesis of so many tokens, `</s>` counted, divides its log-probability by.

    gnmt: ((5 + |Y|) / 6)^α (Wu et al. 2016, Equation 14), the paper's. power: |Y|^α.
    """
    if config.length_penalty == "gnmt":
        return float(((5 + n_tokens) / 6) ** config.alpha)
    return float(n_tokens**config.alpha)


def max_target_pieces(n_source: int, config: SearchConfig) -> int:
    """Input length + 50 (section 6.1), but at most `max_target_pieces`; `</s>` not counted."""
    return min(n_source + config.max_extra_pieces, config.max_target_pieces)


@torch.inference_mode()
def search(
    model: Transformer,
    sources: Sequence[Sequence[int]],
    config: SearchConfig | None = None,
    prefixes: Sequence[Sequence[int]] | None = None,
    *,
    state: DecoderState | None = None,
) -> list[Found]:
    """Translate sources (ids without `</s>`), in order, batched by length.

    Under edits that differ between examples, source i is example i.

    Args:
        prefixes: for each source, tokens its translation must begin with. One that ends with
            `</s>` is a whole translation, which is scored instead of searched for.
        state: what `model.start` made of these sources, each with its `</s>`, in this order, where
            that is known already; the search leaves it as it is.

    Raises:
        SourceTooLongError: if a source has more than 512 pieces.
        ValueError: if a prefix is too long or has `</s>` before its end.
    """
    config = config or SearchConfig()
    prefixes = prefixes or [()] * len(sources)
    check(model.config, sources, prefixes, config)
    found: dict[int, Found] = {}
    for batch in _batches_by_length(sources, config):
        one = _Search(
            model, batch, [sources[i] for i in batch], [prefixes[i] for i in batch], config
        )
        results = one.run(state.rows(one.examples) if state else one.start())
        found.update(zip(batch, results, strict=True))
    return [found[i] for i in range(len(sources))]


def check(
    model: ModelConfig,
    sources: Sequence[Sequence[int]],
    prefixes: Sequence[Sequence[int]],
    config: SearchConfig,
) -> None:
    """Raises SourceTooLongError or ValueError where `search` would."""
    for number, (source, prefix) in enumerate(zip(sources, prefixes, strict=True), start=1):
        name = "the source" if len(sources) == 1 else f"source {number}"
        _check(name, source, prefix, model, config)


def _check(
    name: str,
    source: Sequence[int],
    prefix: Sequence[int],
    model: ModelConfig,
    config: SearchConfig,
) -> None:
    if len(source) > MAX_SOURCE_PIECES:
        raise SourceTooLongError(
            f"{name} has {len(source)} pieces, but at most {MAX_SOURCE_PIECES} can be "
            "translated; split it into sentences"
        )
    limit = max_target_pieces(len(source), config)
    n_prefix = len(prefix) - (bool(prefix) and prefix[-1] == model.end_id)
    if n_prefix > limit:
        raise ValueError(
            f"the prefix for {name} has {n_prefix} pieces, but its translation may have "
            f"at most {limit}"
        )
    if model.end_id in prefix[:n_prefix]:
        raise ValueError(f"the prefix for {name} has </s> before its end")


def _batches_by_length(
    sources: Sequence[Sequence[int]], config: SearchConfig
) -> Iterator[list[int]]:
    n_rows = config.beam_size if config.method == "beam" else 1
    batch: list[int] = []
    for index in sorted(range(len(sources)), key=lambda i: len(sources[i])):
        width = len(sources[index]) + 1
        if batch and (len(batch) + 1) * width * n_rows > PIECES_AT_ONCE:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class _Row:
    """An open hypothesis: which sentence, and its last node."""

    sentence: int
    node: int


@dataclass(slots=True)
class _Sentence:
    """The growing tree of one source."""

    prefix: Sequence[int]
    max_pieces: int
    tree: list[Node]
    origins: list[tuple[int, int]] = field(default_factory=lambda: [(-1, -1)])
    """For each node, the step and the row whose distribution it was taken from."""
    ends: list[int] = field(default_factory=list)

    def forced_token(self, depth: int, end_id: int) -> int | None:
        """The only token allowed after `depth` tokens, if there is such a rule."""
        if depth < len(self.prefix):
            return self.prefix[depth]
        return end_id if depth >= self.max_pieces else None


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The most probable pieces of every row at one step, best first, whether allowed or not."""

    tokens: list[list[int]]
    nats: list[list[float]]


_Proposal = tuple[float, int]
"""The log-probability of a continuation, and its token."""


class _Search:
    def __init__(
        self,
        model: Transformer,
        examples: Sequence[int],
        sources: Sequence[Sequence[int]],
        prefixes: Sequence[Sequence[int]],
        config: SearchConfig,
    ) -> None:
        self.model = model
        self.config = config
        ids = model.config
        self.end_id = ids.end_id
        self.banned = {ids.pad_id, ids.start_id, ids.unknown_id} - {ids.end_id}
        root = Node(-1, ids.start_id, 0, 0.0, 0.0, 0.0, is_end=False)
        self.sentences = [
            _Sentence(prefix, max_target_pieces(len(source), config), [root])
            for source, prefix in zip(sources, prefixes, strict=True)
        ]
        self.device = next(model.parameters()).device
        self.sources = pad([[*source, ids.end_id] for source in sources], ids.pad_id).to(
            self.device
        )
        self.examples = torch.tensor(examples, device=self.device)
        self.ranked: list[_Ranked] = []
        self.width = config.beam_size if config.method == "beam" else 1
        self.n_proposals = 2 * self.width if self.width > 1 else 1
        self.n_ranked = max(config.n_candidates, self.n_proposals + len(self.banned))
        self.generators = [
            torch.Generator(self.device).manual_seed(config.seed) for _ in self.sentences
        ]

    def start(self) -> DecoderState:
        return self.model.start(self.model.encode(self.sources, self.examples))

    def run(self, state: DecoderState) -> list[Found]:
        rows = [_Row(number, 0) for number in range(len(self.sentences))]
        while rows:
            log_probabilities, state = self._distributions(rows, state)
            self.ranked.append(self._ranked(log_probabilities))
            proposals = self._propose(log_probabilities, rows)
            before = rows
            rows, parents = self._advance(before, proposals)
            if parents != list(range(len(before))):
                state = state.rows(
                    torch.tensor(parents, dtype=torch.int64, device=self.device),
                    same_sources=[r.sentence for r in rows] == [r.sentence for r in before],
                )
        return [self._found(sentence) for sentence in self.sentences]

    def _distributions(self, rows: list[_Row], state: DecoderState) -> tuple[Tensor, DecoderState]:
        last = [self.sentences[row.sentence].tree[row.node].token for row in rows]
        decoded = self.model.decode(torch.tensor(last, device=self.device)[:, None], state)
        logits = self.model.logits(decoded.stream[:, -1])
        return torch.log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), -1), (
            decoded.state
        )

    def _ranked(self, log_probabilities: Tensor) -> _Ranked:
        values, tokens = log_probabilities.topk(min(self.n_ranked, log_probabilities.shape[-1]))
        return _Ranked(tokens.tolist(), values.tolist())

    def _propose(self, log_probabilities: Tensor, rows: list[_Row]) -> list[list[_Proposal]]:
        """For each row, continuations as (log-probability, token), best first."""
        ranked = self.ranked[-1]
        proposals = []
        for number, row in enumerate(rows):
            sentence = self.sentences[row.sentence]
            token = sentence.forced_token(sentence.tree[row.node].depth, self.end_id)
            if (
                self.config.method == "sample"
            ):  # draws for forced tokens too: a prefix of the answer
                drawn = self._sample(log_probabilities[number], self.generators[row.sentence])
                token = drawn if token is None else token  # leads to the same answer
            if token is not None:
                proposals.append([(float(log_probabilities[number, token]), token)])
                continue
            best = zip(ranked.nats[number], ranked.tokens[number], strict=True)
            allowed = (each for each in best if each[1] not in self.banned)
            proposals.append(list(itertools.islice(allowed, self.n_proposals)))
        return proposals

    def _sample(self, log_probabilities: Tensor, generator: torch.Generator) -> int:
        allowed = log_probabilities.clone()
        allowed[list(self.banned)] = -math.inf
        probabilities = torch.softmax(allowed / self.config.temperature, dim=-1)
        return int(torch.multinomial(probabilities, 1, generator=generator))

    def _advance(
        self, rows: list[_Row], proposals: list[list[_Proposal]]
    ) -> tuple[list[_Row], list[int]]:
        """Grow the trees; return the rows that go on, and which row each comes from."""
        next_rows: list[_Row] = []
        parents: list[int] = []
        by_sentence: dict[int, list[int]] = {}
        for index, row in enumerate(rows):
            by_sentence.setdefault(row.sentence, []).append(index)
        for number, mine in by_sentence.items():
            sentence = self.sentences[number]
            opened: list[tuple[int, int]] = []  # (node, row it comes from)
            for rank, (_, index, log_probability, token) in enumerate(
                self._best(sentence, rows, mine, proposals)
            ):
                if token == self.end_id:
                    if rank < self.width:
                        sentence.ends.append(
                            self._add(sentence, rows, index, log_probability, token)
                        )
                elif len(opened) < self.width:
                    opened.append((self._add(sentence, rows, index, log_probability, token), index))
            if self._goes_on(sentence, [node for node, _ in opened]):
                next_rows += [_Row(number, node) for node, _ in opened]
                parents += [index for _, index in opened]
        return next_rows, parents

    def _best(
        self,
        sentence: _Sentence,
        rows: list[_Row],
        mine: list[int],
        proposals: list[list[_Proposal]],
    ) -> list[tuple[float, int, float, int]]:
        """The 2 x beam best continuations, as (total, row, log-probability, token), best first."""
        options = [
            (
                sentence.tree[rows[index].node].total_nats + log_probability,
                index,
                log_probability,
                token,
            )
            for index in mine
            for log_probability, token in proposals[index]
            if log_probability > -math.inf
        ]
        return heapq.nlargest(2 * self.width, options, key=lambda option: option[0])

    def _add(
        self, sentence: _Sentence, rows: list[_Row], index: int, log_probability: float, token: int
    ) -> int:
        parent_index = rows[index].node
        parent = sentence.tree[parent_index]
        total = parent.total_nats + log_probability
        depth = parent.depth + 1
        score = total / length_penalty(depth, self.config)
        is_end = token == self.end_id
        sentence.tree.append(
            Node(parent_index, token, depth, log_probability, total, score, is_end)
        )
        sentence.origins.append((len(self.ranked) - 1, index))
        return len(sentence.tree) - 1

    def _goes_on(self, sentence: _Sentence, opened: list[int]) -> bool:
        """Whether an open hypothesis can still win.

        A hypothesis only loses log-probability as it grows, so the best it can reach is its present
        total over the largest penalty. A beam of one is greedy search: it ends at its first `</s>`.
        """
        if not opened or (self.width == 1 and sentence.ends):
            return False
        if not sentence.ends:
            return True
        largest = length_penalty(sentence.max_pieces + 1, self.config)
        reachable = max(sentence.tree[node].total_nats for node in opened) / largest
        return reachable > max(sentence.tree[node].score for node in sentence.ends)

    def _found(self, sentence: _Sentence) -> Found:
        ends = sorted(sentence.ends, key=lambda node: -sentence.tree[node].score)[: self.width]
        return Found(
            hypotheses=tuple(self._hypothesis(sentence, end) for end in ends),
            tree=tuple(sentence.tree),
            ends=tuple(ends),
        )

    def _hypothesis(self, sentence: _Sentence, end: int) -> Hypothesis:
        path = []
        node = end
        while node > 0:
            path.append(node)
            node = sentence.tree[node].parent
        steps = tuple(self._step(sentence, node) for node in reversed(path))
        last = sentence.tree[end]
        forced = sentence.forced_token(last.depth - 1, self.end_id) is not None
        return Hypothesis(
            tokens=tuple(step.token for step in steps[:-1]),
            steps=steps,
            log_probability_nats=last.total_nats,
            score=last.score,
            is_cut=forced and last.depth > len(sentence.prefix),
        )

    def _step(self, sentence: _Sentence, node: int) -> Step:
        step, row = sentence.origins[node]
        n, ranked = self.config.n_candidates, self.ranked[step]
        candidates = tuple(map(Candidate, ranked.tokens[row][:n], ranked.nats[row][:n]))
        return Step(sentence.tree[node].token, sentence.tree[node].log_probability_nats, candidates)
