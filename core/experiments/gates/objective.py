"""What fine-tuning with gates minimises."""

from typing import Any

from torch import Tensor, nn

from core.experiments.gates.hard_concrete import HardConcreteGates
from core.model import Transformer
from core.model.shapes import SourceIds, TargetIds
from core.training.objective import TeacherForcing


class GatedTeacherForcing(TeacherForcing):
    """Cross-entropy, and a price for every open gate.

    The gates must be applied around the training, with `probing(model, gates.edits())`: so the
    validations of the loop see them too.

    Args:
        penalty: the price of a head, in nats a target token.
        rate_factor: how much faster than the weights the gates learn.
    """

    def __init__(
        self,
        model: Transformer,
        gates: HardConcreteGates,
        *,
        penalty: float,
        label_smoothing: float,
        rate_factor: float,
    ) -> None:
        super().__init__(model, label_smoothing=label_smoothing)
        self.gates = gates
        self.penalty = penalty
        self.rate_factor = rate_factor
        self._trained = (nn.ModuleDict({"model": model, "gates": gates}),)  # no second submodule

    @property
    def trained(self) -> nn.Module:
        return self._trained[0]

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [
            {"params": list(self.model.parameters())},
            {"params": list(self.gates.parameters()), "rate_factor": self.rate_factor},
        ]

    def forward(self, source: SourceIds, target: TargetIds) -> Tensor:
        n_tokens = (target[:, 1:] != self.model.config.pad_id).sum()
        price = self.penalty * self.gates.expected_open()
        return super().forward(source, target) + n_tokens * price
