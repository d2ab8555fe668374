"""Finding a translation (section 6.1): greedy, beam and sampled search over a cached decoder.

    search(model, [source_ids, ...], SearchConfig()) -> [SearchResult, ...]

All three methods share one loop. Each open hypothesis is a batch row and a node of its sentence's
tree (`core.decoding.hypotheses`). At every step, the model gives one distribution per row, the
method proposes continuations, and the cache is re-ordered to the rows that stay open. The tensors
that pictures need are captured by `core.analysis.trace.capture`.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.config import ModelConfig, SearchConfig
from core.decoding.banned import banned_ids
from core.decoding.hypotheses import HypothesisTree, Option, TopTokens, max_target_pieces
from core.decoding.result import SearchResult
from core.model import DecoderState, Transformer
from core.system.pauses import pause
from core.text.batches import pad

MAX_SOURCE_PIECES = 512
"""The most source tokens that are translated, `</s>` not counted."""

PIECES_AT_ONCE = 4_096
"""The most source tokens in one batch, with padding, and counted once per beam."""


def max_source_pieces(model: ModelConfig) -> int:
    """The longest source that is translated, without `</s>`, which needs a position too."""
    return min(MAX_SOURCE_PIECES, model.max_positions - 1)


class SourceTooLongError(ValueError):
    """The source has more pieces than the search takes."""


@torch.inference_mode()
def search(
    model: Transformer,
    sources: Sequence[Sequence[int]],
    config: SearchConfig | None = None,
    prefixes: Sequence[Sequence[int]] | None = None,
    *,
    unwritable: frozenset[int] = frozenset(),
    state: DecoderState | None = None,
) -> list[SearchResult]:
    """Translate sources (ids without `</s>`), in order, batched by length.

    Under edits that differ between examples, source i is example i.

    Args:
        prefixes: for each source, tokens its translation must begin with. One that ends with
            `</s>` is a whole translation, which is scored instead of searched for; if all are, one
            pass over all steps does it.
        unwritable: ids that are only written where a prefix says so; see `banned_ids`.
        state: the result of `model.start` for these sources (each with its `</s>`, in this order),
            if the caller has it; the search does not change it.

    Raises:
        SourceTooLongError: if a source has more pieces than 512 or than the model's positions.
        ValueError: if a prefix is too long or has `</s>` before its end, or if more target pieces
            are asked for than the model has positions for.
    """
    config = config or SearchConfig()
    prefixes = prefixes or [()] * len(sources)
    check(model.config, sources, prefixes, config)
    found: dict[int, SearchResult] = {}
    for batch in batches_by_length(sources, config):
        results = search_batch(
            model, batch, sources, config, prefixes, unwritable=unwritable, state=state
        )
        found.update({i: each.found for i, each in zip(batch, results, strict=True)})
    return [found[i] for i in range(len(sources))]


@dataclass(frozen=True, slots=True)
class RecordedResult:
    """The result for one source, and the batch row of its best translation at each step."""

    found: SearchResult
    rows: Sequence[int]


@torch.inference_mode()
def search_batch(
    model: Transformer,
    batch: Sequence[int],
    sources: Sequence[Sequence[int]],
    config: SearchConfig,
    prefixes: Sequence[Sequence[int]],
    *,
    unwritable: frozenset[int] = frozenset(),
    state: DecoderState | None = None,
) -> list[RecordedResult]:
    """Translate those sources whose indices are in `batch`, all at once; see `search`.

    Each step is one call of the decoder, for all open hypotheses. The caller runs `check` first.
    """
    batched = _Search(
        model,
        batch,
        [sources[i] for i in batch],
        [prefixes[i] for i in batch],
        config,
        banned_ids(model.config, unwritable),
    )
    return batched.run(state.select(batched.examples) if state else batched.start())


def check(
    model: ModelConfig,
    sources: Sequence[Sequence[int]],
    prefixes: Sequence[Sequence[int]],
    config: SearchConfig,
) -> None:
    """Raise the errors of `search`.

    Without sources, only the settings are checked against the model.

    Raises:
        SourceTooLongError, ValueError: as `search` does.
    """
    asked, most = config.max_target_pieces, model.max_positions - 1
    if asked > max(most, SearchConfig.max_target_pieces):
        raise ValueError(
            f"max_target_pieces={asked} is more than this model can write: it has "
            f"{model.max_positions:,} positions, and the start token takes one; at most {most:,} here"
        )
    for number, (source, prefix) in enumerate(zip(sources, prefixes, strict=True), start=1):
        name = "the source" if len(sources) == 1 else f"source {number}"
        if model.separator_id in source:
            name += " with its draft"
        _check(name, source, prefix, model, config)


def _check(
    name: str,
    source: Sequence[int],
    prefix: Sequence[int],
    model: ModelConfig,
    config: SearchConfig,
) -> None:
    most = max_source_pieces(model)
    if len(source) > most:
        raise SourceTooLongError(
            f"{name} has {len(source)} pieces, but at most {most} can be translated; split it into "
            "sentences"
        )
    limit = max_target_pieces(len(source), config, model.max_positions)
    n_prefix = len(prefix) - (bool(prefix) and prefix[-1] == model.end_id)
    if n_prefix > limit:
        raise ValueError(
            f"the prefix for {name} has {n_prefix} pieces, but its translation may have "
            f"at most {limit}"
        )
    if model.end_id in prefix[:n_prefix]:
        raise ValueError(f"the prefix for {name} has </s> before its end")
    if {model.separator_id, model.retry_id}.intersection(prefix):
        raise ValueError(f"the prefix for {name} has a mark of drafts, which no translation holds")


def batches_by_length(
    sources: Sequence[Sequence[int]], config: SearchConfig
) -> Iterator[list[int]]:
    """Yield the indices of sources of similar length, as many as fit into one batch."""
    batch: list[int] = []
    for index in sorted(range(len(sources)), key=lambda i: len(sources[i])):
        width = len(sources[index]) + 1
        if batch and (len(batch) + 1) * width * config.width > PIECES_AT_ONCE:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def are_whole(prefixes: Sequence[Sequence[int]], model: ModelConfig) -> bool:
    """Whether each prefix is a whole translation, so that there is nothing to search for."""
    return all(prefix and prefix[-1] == model.end_id for prefix in prefixes)


@dataclass(frozen=True, slots=True)
class _Row:
    """An open hypothesis: its sentence and its last node."""

    sentence: int
    node: int


class _Search:
    """One batch: a row for each open hypothesis of each sentence."""

    def __init__(
        self,
        model: Transformer,
        examples: Sequence[int],
        sources: Sequence[Sequence[int]],
        prefixes: Sequence[Sequence[int]],
        config: SearchConfig,
        banned: frozenset[int],
    ) -> None:
        self.model = model
        self.config = config
        self.banned = banned
        ids = model.config
        self.trees = [
            HypothesisTree(
                config,
                prefix=prefix,
                max_pieces=max_target_pieces(len(source), config, ids.max_positions),
                start_id=ids.start_for(source),
                end_id=ids.end_id,
            )
            for source, prefix in zip(sources, prefixes, strict=True)
        ]
        self.device = next(model.parameters()).device
        self.sources, self.prefixes = sources, prefixes
        self.examples = torch.tensor(examples, device=self.device)
        self.ranked: list[TopTokens] = []
        self.n_proposals = 2 * config.width if config.width > 1 else 1
        self.n_ranked = max(config.n_candidates, self.n_proposals + len(self.banned))
        self.generators = [
            torch.Generator(self.device).manual_seed(config.seed) for _ in self.trees
        ]

    def start(self) -> DecoderState:
        ids = self.model.config
        padded = pad([[*source, ids.end_id] for source in self.sources], ids.pad_id)
        return self.model.start(self.model.encode(padded.to(self.device), self.examples))

    def run(self, state: DecoderState) -> list[RecordedResult]:
        rows = [_Row(number, 0) for number in range(len(self.trees))]
        if are_whole(self.prefixes, self.model.config):
            self._score(rows, state)
            rows = []
        while rows:
            pause()
            log_probabilities, state = self._distributions(rows, state)
            before = rows
            rows, parents = self._step(log_probabilities, before)
            if parents != list(range(len(before))):
                state = state.select(
                    torch.tensor(parents, dtype=torch.int64, device=self.device),
                    same_sources=[r.sentence for r in rows] == [r.sentence for r in before],
                )
        return [RecordedResult(tree.found(self.ranked), tree.rows_of_best()) for tree in self.trees]

    def _score(self, rows: list[_Row], state: DecoderState) -> None:
        """Go through whole translations, whose distributions one pass gives at once."""
        pause()
        ids = self.model.config
        given = [
            [ids.start_for(source), *prefix[:-1]]
            for source, prefix in zip(self.sources, self.prefixes, strict=True)
        ]
        decoded = self.model.decode(pad(given, ids.pad_id).to(self.device), state)
        while rows:
            streams = decoded.stream[[row.sentence for row in rows], len(self.ranked)]
            rows, _ = self._step(self._log_probabilities(streams), rows)

    def _step(self, log_probabilities: Tensor, rows: list[_Row]) -> tuple[list[_Row], list[int]]:
        """Grow the trees by one step; see `_advance`."""
        self.ranked.append(self._ranked(log_probabilities))
        return self._advance(self._options(log_probabilities, rows))

    def _distributions(self, rows: list[_Row], state: DecoderState) -> tuple[Tensor, DecoderState]:
        last = [self.trees[row.sentence].last_token(row.node) for row in rows]
        decoded = self.model.decode(torch.tensor(last, device=self.device)[:, None], state)
        return self._log_probabilities(decoded.stream[:, -1]), decoded.state

    def _log_probabilities(self, streams: Tensor) -> Tensor:
        logits = self.model.logits(streams)
        return torch.log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)), -1)

    def _ranked(self, log_probabilities: Tensor) -> TopTokens:
        values, tokens = log_probabilities.topk(min(self.n_ranked, log_probabilities.shape[-1]))
        return TopTokens(tokens.tolist(), values.tolist())

    def _options(self, log_probabilities: Tensor, rows: list[_Row]) -> dict[int, list[Option]]:
        """The possible continuations of each row, by sentence."""
        options: dict[int, list[Option]] = {}
        for number, row in enumerate(rows):
            options.setdefault(row.sentence, []).extend(
                Option(row.node, number, token, log_prob)
                for token, log_prob in self._followers(log_probabilities, number, row)
            )
        return options

    def _followers(
        self, log_probabilities: Tensor, number: int, row: _Row
    ) -> Iterable[tuple[int, float]]:
        """The tokens that may follow one row and their log-probabilities, best first."""
        token = self.trees[row.sentence].forced_token(row.node)
        if self.config.method == "sample":
            # drawn for a forced token too: so a prefix of the answer leads to the same answer
            drawn = self._sample(log_probabilities[number], self.generators[row.sentence])
            token = drawn if token is None else token
        if token is not None:
            return [(token, float(log_probabilities[number, token]))]
        ranked = self.ranked[-1]
        best = zip(ranked.tokens[number], ranked.log_probs[number], strict=True)
        allowed = (each for each in best if each[0] not in self.banned)
        return itertools.islice(allowed, self.n_proposals)

    def _sample(self, log_probabilities: Tensor, generator: torch.Generator) -> int:
        allowed = log_probabilities.clone()
        allowed[list(self.banned)] = -math.inf
        probabilities = torch.softmax(allowed / self.config.temperature, dim=-1)
        return int(torch.multinomial(probabilities, 1, generator=generator))

    def _advance(self, options: dict[int, list[Option]]) -> tuple[list[_Row], list[int]]:
        """Grow the trees; return the rows that go on, and which row each comes from."""
        opened = [
            (_Row(number, each.node), each.row)
            for number, of_sentence in options.items()
            for each in self.trees[number].grow(len(self.ranked) - 1, of_sentence)
        ]
        return [row for row, _ in opened], [parent for _, parent in opened]
