"""One head of a model: which kind of attention, which layer, which head."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.config import Kind

KIND_NAMES: Mapping[Kind, str] = {
    "encoder": "Encoder self-attention",
    "decoder": "Decoder self-attention",
    "cross": "Cross-attention",
}
"""What each kind of attention is called (section 3.2.3)."""

SHORT_KINDS: Mapping[Kind, str] = {"encoder": "enc", "decoder": "dec", "cross": "cross"}


@dataclass(frozen=True, slots=True, order=True)
class HeadPlace:
    """Layer and head count from 0 here, as in arrays; in every text they count from 1.

    Only this class converts between the two.
    """

    kind: Kind
    layer: int
    head: int

    @classmethod
    def numbered(cls, kind: Kind, layer: int, head: int) -> "HeadPlace":
        """The head with these numbers, which count from 1, as on screen and in links."""
        return cls(kind, layer - 1, head - 1)

    @classmethod
    def labelled(cls, label: str) -> "HeadPlace":
        """The head that `label` writes, such as `cross.L1H6`; raises ValueError if it is none."""
        match = re.fullmatch(r"(enc|dec|cross)\.L([1-9]\d{0,3})H([1-9]\d{0,3})", label)
        if not match:
            raise ValueError(f"{label!r} is no head; write one like cross.L1H6")
        kind = next(kind for kind, short in SHORT_KINDS.items() if short == match[1])
        return cls.numbered(kind, int(match[2]), int(match[3]))

    @property
    def layer_number(self) -> int:
        return self.layer + 1

    @property
    def head_number(self) -> int:
        return self.head + 1

    @property
    def short(self) -> str:
        """`L1H6`, for use where the kind is known."""
        return f"L{self.layer_number}H{self.head_number}"

    @property
    def label(self) -> str:
        """`cross.L1H6`, as ablations write it."""
        return f"{SHORT_KINDS[self.kind]}.{self.short}"

    @property
    def name(self) -> str:
        """`Cross-attention, layer 1, head 6`."""
        return f"{KIND_NAMES[self.kind]}, {self.in_words}"

    @property
    def in_words(self) -> str:
        """`layer 1, head 6`."""
        return f"layer {self.layer_number}, head {self.head_number}"

    def of(self, by_kind: Mapping[Kind, NDArray[Any]]) -> NDArray[Any]:
        """This head's entry in an array N H .., such as weights, value norms or a measure.

        Raises:
            IndexError: if there is no such head.
        """
        return np.asarray(by_kind[self.kind][self.layer, self.head])

    def within(self, n_layers: int, n_heads: int) -> "HeadPlace":
        """This head, or the nearest one that a smaller model has."""
        return HeadPlace(self.kind, min(self.layer, n_layers - 1), min(self.head, n_heads - 1))
