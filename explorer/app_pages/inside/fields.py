"""The field of the link that belongs to the page Inside attention."""

from dataclasses import dataclass
from typing import Annotated

from explorer.choice.url_fields import UrlFields, whole
from explorer.components.equation.component import N_STAGES


@dataclass(frozen=True, slots=True)
class InsideFields(UrlFields):
    """How far Equation 1 is shown."""

    stage: Annotated[int, whole(1, N_STAGES)] = N_STAGES
