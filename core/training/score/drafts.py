"""Drafts: first attempts after a source, and references with mistakes put in."""

import torch
from jaxtyping import Int
from torch import Tensor

from core.config import ModelConfig
from core.model.shapes import SourceIds
from core.text.batches import pad

N_MISTAKES = (0.4, 0.3, 0.2, 0.1)
"""The chance of none, one, two or three mistakes in a corrupted reference."""


def rows_of(ids: Int[Tensor, "B n"], config: ModelConfig) -> list[list[int]]:
    """Each row without special tokens at its ends: no start, nothing from the end token on."""
    rows = []
    for row in ids.tolist():
        end = row.index(config.end_id) if config.end_id in row else len(row)
        first = 1 if row and row[0] in (config.start_id, config.retry_id) else 0
        rows.append([token for token in row[first:end] if token != config.pad_id])
    return rows


def with_drafts(
    source: SourceIds, drafts: list[list[int]], config: ModelConfig
) -> Int[Tensor, "B n"]:
    """The sources of second attempts: source, `</s>`, separator, draft, `</s>`; padded.

    Args:
        source: with the end token, padded.
        drafts: a first attempt for each row, without special tokens.
    """
    sources = rows_of(source, config)
    rows = [
        [*config.with_draft(each, draft), config.end_id]
        for each, draft in zip(sources, drafts, strict=True)
    ]
    return pad(rows, config.pad_id).to(source.device)


def corrupted(
    reference: list[int], others: list[int], generator: torch.Generator | None = None
) -> list[int]:
    """A reference with up to three tokens dropped, doubled, swapped with the next, or replaced.

    Args:
        others: tokens that a replacement is drawn from.
    """

    def draw(n: int) -> int:
        return int(torch.randint(n, (1,), generator=generator))

    tokens = list(reference)
    n_mistakes = int(torch.multinomial(torch.tensor(N_MISTAKES), 1, generator=generator))
    for _ in range(n_mistakes if tokens and others else 0):
        at = draw(len(tokens))
        match draw(4):
            case 0:
                tokens[at : at + 1] = []
            case 1:
                tokens.insert(at, tokens[at])
            case 2:
                tokens[at : at + 2] = reversed(tokens[at : at + 2])
            case _:
                tokens[at] = others[draw(len(others))]
        if not tokens:
            break
    return tokens
