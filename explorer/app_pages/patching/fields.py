"""The Two sentences page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.choice import MOST_CHARACTERS
from explorer.choice.url_fields import UrlFields, one_of

Parts = Literal["heads", "source", "target"]
"""What is taken from the second run."""


def _text(value: str) -> str:
    if len(value) > MOST_CHARACTERS:
        raise ValueError(f"must have at most {MOST_CHARACTERS:,} characters")
    return value


@dataclass(frozen=True, slots=True)
class PatchingFields(UrlFields):
    other_text: Annotated[str, _text] = ""
    """The second sentence; empty: the partner of the first among the pairs that the page offers."""
    parts: Annotated[Parts, one_of(Parts)] = "heads"
