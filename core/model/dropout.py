"""Dropout (section 5.4) whose random numbers are cheap on a CPU."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEVELS = 1 << 16


class Dropout(nn.Module):
    """Zero each number with probability p and scale the others by 1 / (1 - p), in training only.

    On a CPU, PyTorch's own dropout takes three times as long to draw random numbers
    (docs/decisions/0002). So on a CPU a 16-bit number decides each element, and one draw gives four
    of them. p is rounded to a multiple of 1/65536, and the scale uses the rounded p, which keeps
    the expectation exact.
    """

    def __init__(self, p_dropout: float) -> None:
        super().__init__()
        self.p_dropout = p_dropout

    def forward(self, tensor: Tensor) -> Tensor:
        if not self.training or self.p_dropout == 0.0:
            return tensor
        if tensor.device.type != "cpu":
            return functional.dropout(tensor, self.p_dropout)
        dropped_levels = round(self.p_dropout * _LEVELS)
        words = torch.empty((tensor.numel() + 3) // 4, dtype=torch.int64)
        levels = words.random_(-(1 << 63), None).view(torch.int16)[: tensor.numel()]
        kept = (levels >= dropped_levels - _LEVELS // 2).view_as(tensor)
        return tensor * kept.to(tensor.dtype).mul_(_LEVELS / (_LEVELS - dropped_levels))

    def extra_repr(self) -> str:
        return f"p_dropout={self.p_dropout}"
