"""Ablations: a change to a model as a value, and running the model under it.

    ablation = Ablation.parse("cross.L3H5=0,enc.L2.ffn=skip")
    with probing(model, ablating(model, [ablation])):  # core.analysis.ablation.edits
        search(model, sources)

This package itself is without torch, so links can be read before torch is loaded.
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
