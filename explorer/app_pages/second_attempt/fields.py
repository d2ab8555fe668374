"""The Second attempt page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.choice import MOST_CHARACTERS
from explorer.choice.url_fields import DependsOn, UrlFields, one_of

DraftKind = Literal["own", "other", "reference", "none", "edited"]
"""What the second attempt reads as its draft."""
Squares = Literal["weights", "mass", "copying", "repairing"]
"""What the square of a head shows."""


def _text(value: str) -> str:
    if len(value) > MOST_CHARACTERS:
        raise ValueError(f"must have at most {MOST_CHARACTERS:,} characters")
    return value


@dataclass(frozen=True, slots=True)
class SecondFields(UrlFields):
    draft: Annotated[DraftKind, one_of(DraftKind)] = "own"
    edited: Annotated[str, _text, DependsOn("text")] = ""
    """A draft typed by the reader; empty: not typed yet."""
    wanted: Annotated[str, _text, DependsOn("text")] = ""
    """A reference typed by the reader; empty: the one that is known, if there is one."""
    squares: Annotated[Squares, one_of(Squares)] = "copying"
    measured: Annotated[str | None, _text] = None
    """The text whose measurements are shown; None: the first."""
