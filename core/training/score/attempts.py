"""Both attempts at a text, and second attempts that read other drafts."""

from collections.abc import Sequence

import torch

from core.config import SearchConfig
from core.decoding.search import search
from core.model import Transformer
from core.text.vocabulary import Vocabulary, encode_pairs
from core.training.score.drafts import corrupted
from core.training.score.record import Attempted

GREEDY = SearchConfig(method="greedy", n_candidates=0)


def attempt(
    model: Transformer,
    vocabulary: Vocabulary,
    pairs: Sequence[tuple[str, str]],
    *,
    config: SearchConfig = GREEDY,
    with_controls: bool = True,
) -> Attempted:
    """Translate every source, then once more with that translation as the draft.

    Args:
        pairs: sources and references.
    """
    sources, references = encode_pairs(vocabulary, pairs)
    first = _translated(model, vocabulary, sources, config)
    drafts = {"own": first, **(_control_drafts(first, references) if with_controls else {})}
    second = {
        kind: _translated(
            model,
            vocabulary,
            [model.config.with_draft(s, d) for s, d in zip(sources, of_kind, strict=True)],
            config,
        )
        for kind, of_kind in drafts.items()
    }
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
    return [[] if each.best.is_cut else list(each.best.tokens) for each in found]


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
