"""The Ablate page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.choice import FIRST_TRANSLATION
from explorer.choice.url_fields import DependsOn, UrlFields, one_of, whole

Worth = Literal["sentence", "text", "none"]
"""What the switches show of each place: its worth on this sentence, on a whole text, or nothing."""


@dataclass(frozen=True, slots=True)
class AblateFields(UrlFields):
    worth: Annotated[Worth, one_of(Worth)] = "sentence"
    scored: Annotated[int | None, whole(1), DependsOn(*FIRST_TRANSLATION)] = None
    """The step of the first translation whose candidates are compared before and after."""
