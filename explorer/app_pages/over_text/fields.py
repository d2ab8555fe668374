"""The page A text's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.url_fields import DependsOn, UrlFields, one_of, whole

Source = Literal["own", "typed"]
"""Which text is measured."""
MeasureName = Literal["entropy", "distance", "special", "confidence", "contribution"]
"""What is told of every head; the names are those of `core.analysis.heads.measures.MEASURES`."""


@dataclass(frozen=True, slots=True)
class TextFields(UrlFields):
    measured_text: Annotated[Source, one_of(Source)] = "own"
    line: Annotated[int | None, whole(1), DependsOn("measured_text", "model")] = None
    """The line that is shown below the table."""
    of_heads: Annotated[MeasureName, one_of(MeasureName)] = "entropy"
