"""Interventions on a running model, as probes: heads scaled or switched off.

A gate is a factor for one head; gates have a batch axis, so that a sweep over all heads of one
sentence is one batch.
"""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from core.axes import HeadOutputs
from core.model import edit
from core.model.tap import Edit, Edits
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
