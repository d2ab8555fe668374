"""The parts of an ablation, as frozen values. Their fields count from 0, their text from 1."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from core.analysis.head_place import SHORT_KINDS, HeadPlace
from core.config import Kind

Stack = Literal["encoder", "decoder"]
Sublayer = Literal["self", "cross", "ffn"]
STACKS: tuple[Stack, ...] = get_args(Stack)

LARGEST = 1e9
"""The largest factor or shift. LayerNorm can still square a head scaled by it in float32, and no
position table is that long."""

_Order = tuple[int, ...]
"""Where a part stands in the canonical order."""


def stack_of(kind: Kind) -> Stack:
    """The stack that a kind of attention is in; cross-attention is in the decoder."""
    return "encoder" if kind == "encoder" else "decoder"


@dataclass(frozen=True, slots=True)
class HeadChange:
    """A changed head: its output scaled (0 is off) or set to its mean, or its weights made uniform.

    Raises:
        ValueError: if the factor is not a number, or is larger than `LARGEST`.
    """

    kind: Kind
    layer: int
    head: int
    change: float | Literal["mean", "uniform"] = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.change, str):
            if not abs(self.change) <= LARGEST:
                raise ValueError(
                    f"{self}: {self.change} is not a factor; give a number from -1e9 to 1e9"
                )
            object.__setattr__(self, "change", float(self.change) + 0.0)  # -0 is 0

    @property
    def stack(self) -> Stack:
        return stack_of(self.kind)

    @property
    def at(self) -> HeadPlace:
        return HeadPlace(self.kind, self.layer, self.head)

    @property
    def place(self) -> str:
        return self.at.label

    @property
    def order(self) -> _Order:
        return (*_in_stack(self.kind, self.layer), self.head, 0)

    def __str__(self) -> str:
        change = self.change if isinstance(self.change, str) else _number(self.change)
        return f"{self.place}={change}"


@dataclass(frozen=True, slots=True)
class RowOnKey:
    """One query of a head, made to attend to a single key.

    In a batch, a sentence that lacks this query or this key is left unchanged. Code that reports an
    effect therefore calls `Ablation.check` first.

    Raises:
        ValueError: if the query of decoder self-attention may not attend to the key.
    """

    kind: Kind
    layer: int
    head: int
    row: int
    key: int

    def __post_init__(self) -> None:
        if self.kind == "decoder" and self.key > self.row:
            raise ValueError(
                f"{self} attends to the future: query {self.row + 1} of decoder self-attention may "
                f"attend to keys 1 to {self.row + 1}; name one of them"
            )

    @property
    def stack(self) -> Stack:
        return stack_of(self.kind)

    @property
    def at(self) -> HeadPlace:
        return HeadPlace(self.kind, self.layer, self.head)

    @property
    def place(self) -> str:
        return f"{self.at.label}.row{self.row + 1}"

    @property
    def order(self) -> _Order:
        return (*_in_stack(self.kind, self.layer), self.head, 1 + self.row)

    def __str__(self) -> str:
        return f"{self.place}=k{self.key + 1}"


@dataclass(frozen=True, slots=True)
class SublayerSkip:
    """A sub-layer whose output is set to zero, so add & norm receives only the residual input."""

    stack: Stack
    layer: int
    sublayer: Sublayer

    def __post_init__(self) -> None:
        if self.stack == "encoder" and self.sublayer == "cross":
            raise ValueError(f"{self}: an encoder layer has no cross-attention, only self and ffn")

    @property
    def place(self) -> str:
        return f"{SHORT_KINDS[self.stack]}.L{self.layer + 1}.{self.sublayer}"

    @property
    def order(self) -> _Order:
        return (*_in_stack(self.stack, self.layer), -2, get_args(Sublayer).index(self.sublayer))

    def __str__(self) -> str:
        return f"{self.place}=skip"


@dataclass(frozen=True, slots=True)
class LayerSkip:
    """A skipped layer: its output is its input."""

    stack: Stack
    layer: int

    @property
    def place(self) -> str:
        return f"{SHORT_KINDS[self.stack]}.L{self.layer + 1}"

    @property
    def order(self) -> _Order:
        return (*_in_stack(self.stack, self.layer), -3)

    def __str__(self) -> str:
        return f"{self.place}=skip"


@dataclass(frozen=True, slots=True)
class PositionChange:
    """A changed positional encoding of one stack (section 3.5): none, or other positions.

    off: nothing is added to the embeddings. shift: position p becomes p + amount. scale: position p
    becomes p · amount, rounded down to a whole position.

    Raises:
        ValueError: when made, if the amount does not suit the change; when run, if a position lies
            outside the table.
    """

    stack: Stack
    change: Literal["off", "shift", "scale"]
    amount: float = 0.0

    def __post_init__(self) -> None:
        if self.change == "off" and self.amount != 0:
            raise ValueError(f"amount={self.amount} has no meaning when positions are off")
        if self.change == "shift" and not float(self.amount).is_integer():
            raise ValueError(
                f"amount={self.amount} must be a whole number of positions to shift by"
            )
        if self.change == "scale" and not 0 <= self.amount < math.inf:
            raise ValueError(f"amount={self.amount} must be a number of at least 0 to scale by")
        if abs(self.amount) > LARGEST:
            raise ValueError(
                f"amount={self.amount} is beyond 1e9, and no table of positions is so long; "
                f"{self.change} by less"
            )
        object.__setattr__(self, "amount", float(self.amount) + 0.0)  # -0 is 0

    @property
    def place(self) -> str:
        return f"{SHORT_KINDS[self.stack]}.pos"

    @property
    def order(self) -> _Order:
        return (-1, STACKS.index(self.stack))

    @property
    def value(self) -> str:
        return "off" if self.change == "off" else f"{self.change}:{_number(self.amount)}"

    def __str__(self) -> str:
        return f"{self.place}={self.value}"


Part = HeadChange | RowOnKey | SublayerSkip | LayerSkip | PositionChange


def _in_stack(kind: Kind, layer: int) -> _Order:
    return list(SHORT_KINDS).index(kind), layer


def _number(value: float) -> str:
    """The shortest text that is this number; up to `LARGEST`, a link has nothing to escape in it."""
    return repr(value).removesuffix(".0")
