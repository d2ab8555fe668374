"""How one head is drawn: the fields of the link for its picture."""

from dataclasses import dataclass
from typing import Annotated, Literal

from core.analysis.heads.measures import MEASURES
from explorer.choice.url_fields import UrlFields, number, one_of, switch

Values = Literal["weights", "norms", "rollout"]
"""What a picture of attention shows: weights, norm-weighted weights, or rollout."""
Units = Literal["pieces", "words"]
Drawing = Literal["matrix", "lines"]
Compared = Literal["most", "chosen"]
"""Whether the head that is compared is the one that changed most, or the one of the view."""
StepsAfter = Literal["first", "new"]
"""Whether attention after a change is that of the first translation, or of the new one."""

NO_MEASURE, EFFECT = "none", "effect"
TINTS = (NO_MEASURE, *MEASURES, EFFECT)
"""What heads are tinted by: nothing, a measure, or what switching them off changes."""


def _tint(value: str) -> str:
    if value not in TINTS:
        raise ValueError(f"must be one of {', '.join(TINTS)}")
    return value


@dataclass(frozen=True, slots=True)
class HeadDrawing(UrlFields):
    """Which numbers of a head are drawn, between pieces or words, and in which form."""

    measure: Annotated[str | None, _tint] = None
    values: Annotated[Values, one_of(Values)] = "weights"
    units: Annotated[Units, one_of(Units)] = "pieces"
    drawing: Annotated[Drawing, one_of(Drawing)] = "matrix"
    together: Annotated[bool, switch] = False
    """Lines of all heads of the layer in one drawing."""
    specials: Annotated[bool, switch] = True
    threshold: Annotated[float, number(0, 1)] = 0.0


@dataclass(frozen=True, slots=True)
class BeforeAfterFields(UrlFields):
    """How one head is compared before and after a change of the model."""

    rows: Annotated[StepsAfter, one_of(StepsAfter)] = "first"
    which: Annotated[Compared, one_of(Compared)] = "most"
