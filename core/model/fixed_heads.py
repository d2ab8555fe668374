"""Section 3.2.2 without learning: heads that attend by a fixed pattern of positions (Raganato et al. 2020).

The seven patterns are theirs: the token itself, the one before, the one after, what stands further to
the left, further to the right, the end of the sentence, and its beginning
(https://aclanthology.org/2020.findings-emnlp.49). Where a pattern has nowhere to go, as the first
token has nothing before it, the token attends to itself.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from core.model.shapes import Visible, Weights

UNSEEN = -1e9
"""The score of a position outside the pattern: e to it is 0."""
_Amount = Callable[[Tensor, Tensor, Tensor], Tensor]
"""How much each key counts, given query positions, key positions and the number of real keys."""


def _one(offset: int) -> _Amount:
    return lambda query, key, n: (key == query + offset).float()


PATTERNS: dict[str, _Amount] = {
    "itself": _one(0),
    "before": _one(-1),
    "after": _one(1),
    "left": lambda query, key, n: (key <= query - 2) * (key + 1.0) ** 3,
    "right": lambda query, key, n: (key >= query + 2) * (n - key).clamp(min=0.0) ** 3,
    "end": lambda query, key, n: (key + 1.0) ** 3,
    "beginning": lambda query, key, n: (n - key).clamp(min=0.0) ** 3,
}
"""What each pattern attends to; of several positions, the nearest to its goal counts most."""


def fixed_scores(n_fixed: int, visible: Visible, dtype: torch.dtype) -> Weights:
    """Scores whose softmax over the visible keys is the pattern: B n_fixed n n.

    Args:
        n_fixed: the first so many of `PATTERNS`.
        visible: B 1 1 n, True at real tokens, which stand before all padding.
    """
    n = visible.shape[-1]
    position = torch.arange(n, device=visible.device, dtype=torch.float32)
    query, key = position[:, None], position[None, :]
    n_real = visible.sum(-1).float()[:, 0, :, None]  # B 1 1
    real = visible[:, 0]  # B 1 n
    rows = []
    for amount in list(PATTERNS.values())[:n_fixed]:
        pattern = amount(query, key, n_real) * real  # B n n
        nowhere = pattern.sum(-1, keepdim=True) == 0
        rows.append(torch.where(nowhere, (query == key).float(), pattern))
    scores = torch.stack(rows, 1).log()
    return scores.clamp(min=UNSEEN).to(dtype)
