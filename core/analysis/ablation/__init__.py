"""Ablations: changes to a model, written as values, and running the model under them.

    ablation = Ablation.parse("cross.L3H5=0,enc.L2.ffn=skip")
    with probing(model, ablating(model, [ablation])):  # core.analysis.ablation.edits
        search(model, sources)

Importing this package does not import torch, so the app can read a link before it loads torch.
"""

from core.analysis.ablation.parts import (
    STACKS,
    HeadChange,
    LayerSkip,
    Part,
    PositionChange,
    RowOnKey,
    Stack,
    SublayerSkip,
)
from core.analysis.ablation.spec import Ablation

__all__ = [
    "STACKS",
    "Ablation",
    "HeadChange",
    "LayerSkip",
    "Part",
    "PositionChange",
    "RowOnKey",
    "Stack",
    "SublayerSkip",
]
