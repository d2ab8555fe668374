"""The field of the link that belongs to the page Inside attention."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.url_fields import UrlFields, one_of, whole
from explorer.components.equation.component import N_STAGES

Split = Literal["key", "query", "both"]
"""Whose writers the rows of the split are."""


@dataclass(frozen=True, slots=True)
class InsideFields(UrlFields):
    """How far Equation 1 is shown, and by whose writers its scores are split."""

    stage: Annotated[int, whole(1, N_STAGES)] = N_STAGES
    split: Annotated[Split, one_of(Split)] = "key"
