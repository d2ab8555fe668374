"""What the reader chose. It lives in the URL, so that a view is a link.

Layers and heads count from 1 here, as on screen.
"""

import dataclasses
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

EXAMPLES = (
    "The woman who lives next door has three dogs.",
    "A man in a red jacket is riding a bicycle down the street.",
    "I don't know why he didn't call me yesterday.",
    "Two children are playing football in the park.",
    "Could you please close the window?",
)
"""Sentences of the project's own; the first one is shown before anything is asked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A sentence and a cross-attention head; no layer or head means the one that aligns best."""

    text: str = EXAMPLES[0]
    layer: int | None = None
    head: int | None = None

    def replace(self, **values: str | int | None) -> "Choice":
        return dataclasses.replace(self, **values)  # type: ignore[arg-type]

    def to_query(self) -> dict[str, str]:
        values = {"text": self.text, "layer": self.layer, "head": self.head}
        return {name: str(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a link says, and a notice for each part of it that cannot be."""

    choice: Choice
    notices: tuple[str, ...] = ()


def read_query(query: Mapping[str, str]) -> Reading:
    """The choice in a link; a layer or head that is no number is left to the program."""
    numbers: dict[str, int | None] = {}
    notices = []
    for name in ("layer", "head"):
        value = query.get(name)
        numbers[name] = int(value) if value and value.isdecimal() else None
        if value and numbers[name] is None:
            notices.append(f"The link says {name}={value}, which is no number.")
    choice = Choice(query.get("text") or EXAMPLES[0], numbers["layer"], numbers["head"])
    return Reading(choice, tuple(notices))


def settle(choice: Choice, *, n_layers: int, n_heads: int, best: tuple[int, int]) -> Reading:
    """A choice that fits the model: `best` where none was made, or where it does not exist."""
    notices = []
    chosen = []
    for name, value, n, fallback in (
        ("layer", choice.layer, n_layers, best[0]),
        ("head", choice.head, n_heads, best[1]),
    ):
        fits = value is not None and 1 <= value <= n
        if value is not None and not fits:
            notices.append(f"The link says {name} {value}, but this model has 1 to {n}.")
        chosen.append(value if fits else fallback)
    return Reading(Choice(choice.text, *chosen), tuple(notices))


def write_query(choice: Choice, query: MutableMapping[str, str]) -> None:
    """Make the link say what is on screen, without touching what it says already."""
    wanted = choice.to_query()
    for name, value in wanted.items():
        if query.get(name) != value:
            query[name] = value
