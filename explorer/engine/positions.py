"""The vectors of section 3.5 as arrays: the loaded model's, and the paper's."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer.engine.models import checkpoint


def position_table(folder: Path) -> NDArray[np.float32]:
    """The table that the model adds to its embeddings, whole: max_positions d_model."""
    import torch

    model = checkpoint(folder).model
    indices = torch.arange(model.config.max_positions, device=model.embedding.weight.device)
    return model.embedding.positions_for(indices).detach().float().cpu().numpy()


def sinusoid_table(n: int, d_model: int) -> NDArray[np.float32]:
    """What the paper would add instead of a learned table: n d_model; d_model must be even."""
    from core.model.embedding import sinusoids

    return sinusoids(n, d_model).numpy()
