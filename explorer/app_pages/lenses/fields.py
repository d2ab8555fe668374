"""The Lenses page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated

from explorer.choice.choice import MOST_CHARACTERS, Run
from explorer.choice.url_fields import DependsOn, UrlFields, whole


def _word(value: str) -> str:
    if len(value) > MOST_CHARACTERS:
        raise ValueError(f"must have at most {MOST_CHARACTERS:,} characters")
    return value


@dataclass(frozen=True, slots=True)
class LensFields(UrlFields):
    read: Annotated[int | None, whole(0), DependsOn("model")] = None
    """The decoder layer whose candidates are listed, 0 for the embeddings; None: the last."""
    pinned: Annotated[str, _word, DependsOn(*Run.names())] = ""
    """A word whose rank is followed; empty: the one that the step writes."""
