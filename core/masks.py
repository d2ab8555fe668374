"""Who may look at whom (paper, section 3.2.3). True = may look."""

import torch
from torch import Tensor

from core.axes import TokenIds, Visible


def not_padding(ids: TokenIds, pad_id: int) -> Visible:
    """Every query may look at every key that is not padding: shape B 1 1 n."""
    return (ids != pad_id)[:, None, None, :]


def causal(n_queries: int, n_keys: int, device: torch.device | None = None) -> Visible:
    """Position i may look at positions up to i: shape 1 1 q k.

    The queries are the last `n_queries` of `n_keys` positions, as when decoding with a cache.

    Raises:
        ValueError: if there are more queries than keys.
    """
    if n_queries > n_keys:
        raise ValueError(
            f"n_queries={n_queries} exceeds n_keys={n_keys}; queries are the last keys"
        )
    position = torch.arange(n_keys, device=device)
    visible: Tensor = position[None, :] <= position[n_keys - n_queries :, None]
    return visible[None, None]
