"""Interventions on a running model, as probes: heads scaled or switched off, positions moved.

A gate is a factor for one head; gates have a batch axis, so that a sweep over all heads of one
sentence is one batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from core.axes import HeadOutputs, PositionIds
from core.model import Edits, edit
from core.model.tap import Edit
from core.records import Kind
from core.tracing import attention_tap

Gates = Float[Tensor, "#B N H"]
"""A factor for every layer and head of one kind: 1 leaves the head alone, 0 switches it off."""


def head_gates(gates: Mapping[Kind, Gates]) -> Edits:
    """Multiply what each head brings, before W^O, by its gate; kinds that are not named stay.

    Row b of a batch is run under entry b of the gates; a single entry holds for all rows.
    """
    return edit(
        {
            attention_tap(kind, layer, "head_outputs"): _gated(of_layer)
            for kind, of_kind in gates.items()
            for layer, of_layer in enumerate(of_kind.unbind(1))
        }
    )


def _gated(gates: Float[Tensor, "#B H"]) -> Edit:
    factors = gates[:, :, None, None]

    def edited(heads: HeadOutputs) -> HeadOutputs:
        return heads * factors.to(heads.dtype)

    return edited


PositionChange = Literal["off", "shift", "scale"]
Stacks = Literal["encoder", "decoder", "both"]


@dataclass(frozen=True, slots=True)
class PositionEdit:
    """An experiment on section 3.5: what does the model do without positions, or with others?

    off: nothing is added to the embeddings. shift: position p becomes p + amount. scale: it becomes
    p · amount, rounded down to a row of the table.

    Raises:
        ValueError: at birth, if the amount does not suit the kind; when run, if a position leaves
            the table.
    """

    kind: PositionChange
    amount: float = 0
    stacks: Stacks = "both"

    def __post_init__(self) -> None:
        for value, choices in ((self.kind, PositionChange), (self.stacks, Stacks)):
            if value not in get_args(choices):
                raise ValueError(f"{value!r} must be one of {', '.join(get_args(choices))}")
        if self.kind == "off" and self.amount != 0:
            raise ValueError(f"amount={self.amount} has no meaning when positions are off")
        if self.kind == "shift" and not float(self.amount).is_integer():
            raise ValueError(
                f"amount={self.amount} must be a whole number of positions to shift by"
            )
        if self.kind == "scale" and not 0 <= self.amount < float("inf"):
            raise ValueError(f"amount={self.amount} must be a number of at least 0 to scale by")

    def edits(self) -> Edits:
        """The probes that do it, for `probing` and `trace`."""
        tensor, change = (
            ("positions", torch.zeros_like) if self.kind == "off" else ("position_ids", self._moved)
        )
        stacks = ("encoder", "decoder") if self.stacks == "both" else (self.stacks,)
        return edit({f"{stack}.embedding.{tensor}": change for stack in stacks})

    def _moved(self, indices: PositionIds) -> PositionIds:
        if self.kind == "shift":
            return indices + int(self.amount)
        return (indices * self.amount).floor().to(indices.dtype)
