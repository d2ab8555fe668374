"""Both attempts at a text, and second attempts that read other drafts."""

from collections.abc import Sequence

import torch

from core.config import SearchConfig
from core.decoding.result import Hypothesis
from core.decoding.search import search
from core.model import Transformer
from core.text.vocabulary import Vocabulary, encode_pairs
from core.training.score.drafts import corrupted
from core.training.score.methods import Second
from core.training.score.record import Attempted

GREEDY = SearchConfig(method="greedy", n_candidates=0)
BEAM = SearchConfig(method="beam", beam_size=4, n_candidates=0)
SAMPLES = tuple(SearchConfig(method="sample", seed=seed, n_candidates=0) for seed in (1, 2))
Ids = Sequence[Sequence[int]]


def attempt(
    model: Transformer,
    vocabulary: Vocabulary,
    pairs: Sequence[tuple[str, str]],
    *,
    second: Second = "draft",
) -> Attempted:
    """Translate every source greedily, then once more.

    Args:
        pairs: sources and references.
        second: with the first translation as the draft, and with other drafts as controls; or by
            another search.
    """
    sources, references = encode_pairs(vocabulary, pairs)
    first = _translated(model, vocabulary, sources, GREEDY)
    if second != "draft":
        others = _searched(model, vocabulary, sources, second)
        return _record(vocabulary, references, first, {"own": others})
    drafts = {"own": first, **_control_drafts(first, references)}
    made = {
        kind: _translated(
            model,
            vocabulary,
            [model.config.with_draft(s, d) for s, d in zip(sources, of_kind, strict=True)],
            GREEDY,
        )
        for kind, of_kind in drafts.items()
    }
    return _record(vocabulary, references, first, made)


def _record(
    vocabulary: Vocabulary, references: Ids, first: Ids, second: dict[str, list[list[int]]]
) -> Attempted:
    decode = vocabulary.target.decode
    texts = {kind: tuple(map(decode, ids)) for kind, ids in second.items()}
    return Attempted(
        references=tuple(decode(ids) for ids in references),
        first=tuple(map(decode, first)),
        second=texts.pop("own"),
        controls=texts,
    )


def _translated(
    model: Transformer,
    vocabulary: Vocabulary,
    sources: Sequence[Sequence[int]],
    config: SearchConfig,
) -> list[list[int]]:
    """The best translation of each source, empty where it came to no end."""
    found = search(model, sources, config, unwritable=vocabulary.unwritable)
    return [_tokens(each.best) for each in found]


def _searched(
    model: Transformer, vocabulary: Vocabulary, sources: Ids, second: Second
) -> list[list[int]]:
    """As costly as two greedy attempts, or more: 4 beams, or the likelier of two samples."""
    if second == "beam":
        return _translated(model, vocabulary, sources, BEAM)
    unwritable = vocabulary.unwritable
    samples = (search(model, sources, sample, unwritable=unwritable) for sample in SAMPLES)
    return [
        _tokens(max((one.best, other.best), key=lambda best: best.log_probability_nats))
        for one, other in zip(*samples, strict=True)
    ]


def _tokens(best: Hypothesis) -> list[int]:
    return [] if best.is_cut else list(best.tokens)


def _control_drafts(
    first: Sequence[list[int]], references: Sequence[list[int]]
) -> dict[str, list[list[int]]]:
    generator = torch.Generator().manual_seed(1)
    others = [token for reference in references for token in reference]
    return {
        "other": [*first[1:], *first[:1]],
        "reference": list(references),
        "corrupted": [corrupted(reference, others, generator) for reference in references],
        "empty": [[] for _ in references],
    }
