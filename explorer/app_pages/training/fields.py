"""The Training page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.url_fields import DependsOn, UrlFields, one_of, switch, texts, whole

Across = Literal["step", "tokens"]
"""The horizontal axis: optimiser steps, or source and target tokens seen."""


@dataclass(frozen=True, slots=True)
class TrainingFields(UrlFields):
    runs: Annotated[tuple[str, ...], texts] = ()
    """Trainings whose curves are drawn; none leaves them to the program."""
    across: Annotated[Across, one_of(Across)] = "step"
    log_x: Annotated[bool, switch] = False
    log_y: Annotated[bool, switch] = True
    """Whether perplexity is drawn on a logarithmic axis."""
    snapshot: Annotated[int | None, whole(0), DependsOn("model")] = None
    """The step of the timeline whose weights are shown; 0: the finished ones; None: the first."""
    held: Annotated[bool, switch] = True
    """Whether the head's rows are those of the finished model's translation at every step."""
    own: Annotated[bool, switch, DependsOn("model")] = False
    """Whether a model without a timeline is shown as it is, instead of one that has a timeline."""
