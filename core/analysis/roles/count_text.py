"""What heads do in the sentences of a text, counted for every role that the text can show."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.analysis.alignment.gold import GoldAlignment
from core.analysis.alignment.step_names import STEP_NAMES
from core.analysis.alignment.words import STEPS, WordMatrices, over_word_matrices
from core.analysis.roles.roles import DEFINITIONS, Name
from core.analysis.roles.tally import Counted, Tally, Tops, count
from core.analysis.trace.capture import weights_of
from core.analysis.trace.capture_corpus import capture_batch
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_batches
from core.config import KINDS, Kind, ModelConfig, n_layers
from core.model.transformer import attention_tap
from core.system.executor import WorkExecutor
from core.text.batches import TextBatch
from core.text.pieces import Piece
from core.text.vocabulary import encode_pairs

OFFSETS: Mapping[Kind, tuple[int, ...]] = {
    "encoder": (-3, -2, -1, 0, 1, 2, 3), "decoder": (-3, -2, -1, 0),
}  # fmt: skip
SPECIAL, FULL_STOP = "a special token", "the last full stop"
SAME, AFTER = "an earlier copy of the piece", "the piece after an earlier copy (induction)"
WRITTEN, READ = (
    "the copy in the source, while it is written",
    "the copy in the source, one step late",
)
Tallies = dict[tuple[Name, Kind], Tally]


@dataclass(frozen=True, slots=True)
class _Look:
    """One sentence: who asks, who may be looked at, and where the largest weights fall."""

    kind: Kind
    queries: Sequence[Piece]
    keys: Sequence[Piece]
    tops: Tops  # N H q
    text_tops: Tops  # N H q, among keys that are text

    @property
    def visible(self) -> NDArray[np.bool_]:
        every = np.ones((len(self.queries), len(self.keys)), bool)
        return np.tril(every) if self.kind == "decoder" else every

    @property
    def can_choose(self) -> NDArray[np.bool_]:
        """Queries that see more than one key: q."""
        return np.asarray(self.visible.sum(-1) > 1)


def piece_counts(checkpoint: Checkpoint, sources: Sequence[str]) -> Counter[int]:
    """How often each piece occurs in a text."""
    encode = checkpoint.vocabulary.source.encode
    return Counter(piece for text in sources for piece in encode(text))


def count_text(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    frequency: Mapping[int, int],
    executor: WorkExecutor | None = None,
) -> Tallies:
    """Positional, rare word, sink and copying heads, with the targets forced.

    A pair without text on a side is left out.

    Args:
        frequency: piece -> how often it occurs in a large text: says which word is the rarest.
        executor: where the text is read; by default, in this process. The result is the same.
    """
    sides = encode_pairs(checkpoint.vocabulary, pairs)
    full = [i for i, pair in enumerate(zip(*sides, strict=True)) if all(pair)]
    sources, targets = ([side[i] for i in full] for side in sides)
    tallies = _empty(checkpoint.config, len(pairs))
    counted = partial(_count_batch, frequency=frequency)
    for indices, of_batch in over_batches(counted, checkpoint, sources, targets, executor):
        for role, tally in of_batch.items():
            tallies[role].put([full[i] for i in indices], tally)
    return tallies


def _empty(config: ModelConfig, n: int) -> Tallies:
    """For n sentences, of which nothing is counted yet."""
    shapes = {kind: (n_layers(config, kind), config.n_heads) for kind in KINDS}
    tallies: Tallies = {
        ("positional", kind): Tally.empty(n, [offset_name(k) for k in offsets], shapes[kind])
        for kind, offsets in OFFSETS.items()
    }
    for kind in DEFINITIONS["rare_word"].kinds:
        tallies["rare_word", kind] = Tally.empty(n, ["the rarest word"], shapes[kind], n_rules=3)
    for kind in KINDS:
        sinks = [SPECIAL] if kind == "decoder" else [SPECIAL, FULL_STOP]
        tallies["sink", kind] = Tally.empty(n, sinks, shapes[kind])
    tallies["copying", "decoder"] = Tally.empty(n, [SAME, AFTER], shapes["decoder"], n_rules=2)
    tallies["copying", "cross"] = Tally.empty(n, [WRITTEN, READ], shapes["cross"])
    return tallies


def _count_batch(
    checkpoint: Checkpoint, batch: TextBatch, *, frequency: Mapping[int, int]
) -> Tallies:
    """One row for each pair of the batch."""
    tallies = _empty(checkpoint.config, len(batch.indices))
    for row, looks in enumerate(_looks(checkpoint, batch)):
        for kind, look in looks.items():
            if kind in OFFSETS:
                _positional(tallies["positional", kind], row, look)
            _sink(tallies["sink", kind], row, look)
            if kind in DEFINITIONS["rare_word"].kinds:
                _rare_word(tallies["rare_word", kind], row, look, frequency)
        _copying(tallies["copying", "decoder"], row, looks["decoder"])
        _copying_source(tallies["copying", "cross"], row, looks["cross"], looks["decoder"].keys)
    return tallies


def offset_name(offset: int) -> str:
    if not offset:
        return "itself"
    n, side = abs(offset), "after" if offset > 0 else "before"
    return f"the piece {side} it" if n == 1 else f"{n} pieces {side} it"


def _looks(checkpoint: Checkpoint, batch: TextBatch) -> Iterator[dict[Kind, _Look]]:
    """What the heads of each kind do in each pair."""
    model, vocabulary, ids = checkpoint.model, checkpoint.vocabulary, checkpoint.config.ids
    seen = capture_batch(model, batch, [attention_tap(kind, "*") for kind in KINDS]).seen
    for row, (source, target) in enumerate(zip(batch.sources, batch.targets, strict=True)):
        keys = vocabulary.source.read([*source, ids.end]).pieces
        consumed = vocabulary.target.read([ids.start, *target]).pieces
        written = vocabulary.target.read([*target, ids.end]).pieces
        weights = weights_of(model, seen, row)
        sides: dict[Kind, tuple[Sequence[Piece], Sequence[Piece]]] = {
            "encoder": (keys, keys), "decoder": (consumed, consumed), "cross": (written, keys),
        }  # fmt: skip
        yield {kind: _look(kind, *side, weights[kind]) for kind, side in sides.items()}


def _look(
    kind: Kind, queries: Sequence[Piece], keys: Sequence[Piece], weights: NDArray[Any]
) -> _Look:
    own = weights[..., : len(queries), : len(keys)]
    of_text = np.where([key.kind != "special" for key in keys], own, -1.0)
    tops = np.where(of_text.max(-1) > 0, of_text.argmax(-1), -1)
    return _Look(kind, queries, keys, own.argmax(-1), tops)


def _positional(tally: Tally, index: int, look: _Look) -> None:
    n = len(look.keys)
    for offset in OFFSETS[look.kind]:
        targets = np.eye(n, k=offset, dtype=bool) & look.can_choose[:, None]
        tally.add(index, offset_name(offset), _by_distance(look, targets))


def _by_distance(look: _Look, targets: NDArray[np.bool_]) -> Counted:
    """Against chance among visible keys, and against rows dealt anew."""
    by_chance = count(look.tops, targets, visible=look.visible)
    return dataclasses.replace(by_chance, control=count(look.tops, targets).control)


def _sink(tally: Tally, index: int, look: _Look) -> None:
    is_special = np.array([key.kind == "special" for key in look.keys])
    named = {SPECIAL: is_special, FULL_STOP: _last_full_stop(look.keys)}
    for name in tally.names:
        targets = named[name] & look.visible & look.can_choose[:, None]
        tally.add(index, name, count(look.tops, targets, visible=look.visible))


def _last_full_stop(keys: Sequence[Piece]) -> NDArray[np.bool_]:
    """The last piece of text, if it has neither letters nor digits; no decoder step but the last
    reads it."""
    text = [n for n, key in enumerate(keys) if key.kind != "special"]
    is_stop = np.zeros(len(keys), bool)
    if text and not any(map(str.isalnum, keys[text[-1]].surface)):
        is_stop[text[-1]] = True
    return is_stop


def _rare_word(tally: Tally, index: int, look: _Look, frequency: Mapping[int, int]) -> None:
    words = np.array([key.word for key in look.keys])
    n_words = words.max(initial=-1) + 1
    if n_words < 2:
        return
    text = np.flatnonzero(words >= 0).tolist()
    rarity = [(frequency.get(look.keys[at].id, 0), -look.keys[at].id) for at in text]
    rarest = words[text[min(range(len(text)), key=rarity.__getitem__)]]
    lengths = [sum(len(key.surface) for key in look.keys if key.word == w) for w in range(n_words)]
    asks = np.array([query.kind != "special" for query in look.queries])
    targets = np.equal(words, rarest) & asks[:, None]
    rules = [
        np.full(len(look.queries), np.flatnonzero(words == word)[0])
        for word in (0, n_words - 1, int(np.argmax(lengths)))
    ]
    visible = np.broadcast_to(words >= 0, targets.shape)
    tally.add(
        index, "the rarest word", count(look.text_tops, targets, baselines=rules, visible=visible)
    )


def _copying(tally: Tally, index: int, look: _Look) -> None:
    """Pieces of text that the decoder has read before."""
    ids = np.array([key.id if key.kind != "special" else -1 - n for n, key in enumerate(look.keys)])
    n = len(ids)
    earlier = np.tril(ids[:, None] == ids, k=-1)
    after = np.zeros_like(earlier)
    after[:, 1:] = earlier[:, :-1] & np.tri(n, n - 1, k=-2, dtype=bool)  # the next, not itself
    before = np.arange(n) - 1
    first = np.zeros(n, int)
    for name, targets in ((SAME, earlier), (AFTER, after)):
        tally.add(index, name, count(look.tops, targets, baselines=[before, first]))


def _copying_source(tally: Tally, index: int, look: _Look, consumed: Sequence[Piece]) -> None:
    """Pieces with letters or digits that stand in the source too."""
    names = np.array([key.name for key in look.keys])
    n_steps, n_keys = len(look.queries), len(look.keys)
    diagonal = np.minimum(np.arange(n_steps) * n_keys // max(n_steps, 1), n_keys - 1)
    for name, asking in ((WRITTEN, look.queries), (READ, consumed)):
        of_text = [
            query.name if any(map(str.isalnum, query.surface)) and query.kind == "text" else ""
            for query in asking
        ]
        targets = np.array(of_text)[:, None] == names
        tally.add(index, name, count(look.tops, targets, baselines=[diagonal]))


def count_alignment(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    gold: Sequence[GoldAlignment],
    executor: WorkExecutor | None = None,
) -> Tallies:
    """Heads of cross-attention against links drawn by people, read at either step."""
    config = checkpoint.config
    shape = (config.n_decoder_layers, config.n_heads)
    names = [aligner_name(STEP_NAMES[step]) for step in STEPS]
    tally = Tally.empty(len(pairs), names, shape)
    sources, targets = zip(*pairs, strict=True)
    for index, found in over_word_matrices(
        _linked_words, checkpoint, sources, targets, ["weights"], executor
    ):
        for tops, name in zip(found.tops, names, strict=True):
            named = np.zeros((found.n_target, found.n_source), bool)
            for s, t in gold[index].possible:
                if s < found.n_source and t < found.n_target:
                    named[t, s] = True
            diagonal = np.arange(found.n_target) * found.n_source // found.n_target
            tally.add(index, name, count(tops, named, baselines=[diagonal]))
    return {("aligner", "cross"): tally}


@dataclass(frozen=True, slots=True)
class _LinkedWords:
    """The source word that each head links with each target word, at each of `STEPS`."""

    n_target: int
    n_source: int
    tops: Sequence[Tops]
    """N H t; -1 where the largest weight falls on a special token."""


def _linked_words(matrices: WordMatrices) -> _LinkedWords:
    n_target, n_columns = next(iter(matrices.values())).shape[-2:]
    tops = [matrices["weights", step][:, :-1].argmax(-1) for step in STEPS]
    n_source = n_columns - 1
    return _LinkedWords(n_target, n_source, [np.where(each == n_source, -1, each) for each in tops])


def aligner_name(step: str) -> str:
    return {
        "AWO": "the source of the word being written (AWO)",
        "AWI": "the source of the word just read, one step late (AWI)",
    }[step]
