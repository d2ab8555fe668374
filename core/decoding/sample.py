"""Sampling, the shortest decoder: draw one token after another from the model's distribution.

    source = pad([[*ids, end_id] for ids in sentences], pad_id)
    sample(model, source.repeat_interleave(4, dim=0), max_tokens=60, generator=generator)

`core.decoding.search` does more: beams, forced prefixes, the tree of all that was explored.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from core.decoding.banned import banned_ids
from core.model import Transformer
from core.model.shapes import SourceIds


@dataclass(frozen=True, slots=True)
class Samples:
    """Translations drawn at random, one a row."""

    tokens: Int[Tensor, "B T"]
    """To the first end token inclusive, then padding."""
    log_probs: Float[Tensor, "B T"]
    """Log-probability of each token at temperature 1, in nats; 0 on padding."""
    is_finished: Bool[Tensor, " B"]
    """Whether the end token was drawn within the limit."""


@torch.no_grad()
def sample(
    model: Transformer,
    source: SourceIds,
    *,
    max_tokens: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    unwritable: frozenset[int] = frozenset(),
) -> Samples:
    """Draw a translation for each row of `source`, token by token (ancestral sampling).

    Repeat a row to draw several translations of it. Padding, start and unknown tokens stand for no
    text and are never drawn, nor are the tokens in `unwritable`.

    Args:
        source: token ids with the end token, padded.
        max_tokens: a translation with this many tokens and no end token is left unfinished.
        temperature: the logits are divided by it before a token is drawn.
        generator: on the model's device; by default, torch's global one.
        unwritable: further ids that are never drawn (`Vocabulary.unwritable`).

    Raises:
        ValueError: if `max_tokens` or `temperature` is not above 0.
    """
    if max_tokens < 1 or not temperature > 0:
        raise ValueError(f"max_tokens={max_tokens} and temperature={temperature} must be above 0")
    ids = model.config.ids
    never = source.new_tensor(sorted(banned_ids(model.config, unwritable)))
    state = model.start(model.encode(source))
    token = model.first_tokens(source)  # B 1
    is_done = torch.zeros_like(token, dtype=torch.bool)
    tokens: list[Tensor] = []
    log_probs: list[Tensor] = []
    while len(tokens) < max_tokens and not is_done.all():
        decoded = model.decode(token, state)
        logits = model.logits(decoded.stream[:, -1]).float()  # B V
        probabilities = (logits.index_fill(1, never, -torch.inf) / temperature).softmax(-1)
        drawn = torch.multinomial(probabilities, 1, generator=generator)  # B 1
        log_probs.append(logits.log_softmax(-1).gather(1, drawn).masked_fill(is_done, 0.0))
        token = drawn.masked_fill(is_done, ids.pad)
        tokens.append(token)
        is_done = is_done | (token == ids.end)
        state = decoded.state
    return Samples(torch.cat(tokens, 1), torch.cat(log_probs, 1), is_done[:, 0])
