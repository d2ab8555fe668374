"""The Ablate page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated

from explorer.choice.choice import FIRST_TRANSLATION
from explorer.choice.url_fields import DependsOn, UrlFields, switch, whole


@dataclass(frozen=True, slots=True)
class AblateFields(UrlFields):
    swept: Annotated[bool, switch] = False
    """Whether the switches show the effect of each head on this sentence."""
    scored: Annotated[int | None, whole(1), DependsOn(*FIRST_TRANSLATION)] = None
    """The step of the first translation whose candidates are compared before and after."""
