"""A gate for every head that learns to be 0 or 1 (Louizos et al. 2018; Voita et al. 2019, section 6).

A gate is a sigmoid of a learnt number log α and of noise, stretched to [-0.1, 1.1] and cut off at 0 and
1. So it is often exactly 0 or 1, and the chance that it is not 0 is a smooth function of log α: its sum
over heads is the penalty, the expected number of heads left.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from core.config import KINDS, Kind, ModelConfig, n_layers
from core.model import Edits, edit
from core.model.taps import Edit
from core.model.transformer import attention_tap

TEMPERATURE = 1 / 3
LOW, HIGH = -0.1, 1.1
LEAST_NOISE = 1e-6
BEGIN_LOG_ALPHA = 1.5
"""At the beginning a gate is open with a probability of 0.91."""

Gates = Float[Tensor, "N H"]


class HardConcreteGates(nn.Module):
    """The gates of all heads of a model: random while it trains, fixed while it does not."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.log_alpha = nn.ParameterDict(
            {
                kind: nn.Parameter(
                    torch.full((n_layers(config, kind), config.n_heads), BEGIN_LOG_ALPHA)
                )
                for kind in KINDS
            }
        )

    def edits(self) -> Edits:
        """Multiply each head's output, before W^O, by its gate."""
        return edit(
            {
                attention_tap(kind, layer, "head_outputs"): self._edit(kind, layer)
                for kind in KINDS
                for layer in range(len(self.log_alpha[kind]))
            }
        )

    def values(self) -> dict[Kind, Gates]:
        """The gates without noise: 0 is closed."""
        return {kind: self._stretched(torch.sigmoid(self.log_alpha[kind])) for kind in KINDS}

    def expected_open(self) -> Tensor:
        """The expected number of open gates, of all heads."""
        shift = TEMPERATURE * math.log(-LOW / HIGH)
        return torch.stack(
            [torch.sigmoid(numbers - shift).sum() for numbers in self.log_alpha.values()]
        ).sum()

    def _edit(self, kind: Kind, layer: int) -> Edit:
        def scaled(heads: Tensor) -> Tensor:  # B H q d_v
            return heads * self._drawn(self.log_alpha[kind][layer])[:, None, None].to(heads.dtype)

        return scaled

    def _drawn(self, log_alpha: Tensor) -> Tensor:
        if not self.training:
            return self._stretched(torch.sigmoid(log_alpha))
        noise = torch.rand_like(log_alpha).clamp(LEAST_NOISE, 1 - LEAST_NOISE)
        logistic = noise.log() - (1 - noise).log()
        return self._stretched(torch.sigmoid((logistic + log_alpha) / TEMPERATURE))

    @staticmethod
    def _stretched(share: Tensor) -> Tensor:
        return (share * (HIGH - LOW) + LOW).clamp(0, 1)
