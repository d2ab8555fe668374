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
    log_y: Annotated[bool, switch] = False
    snapshot: Annotated[int, whole(0), DependsOn("model")] = 0
    """The step of the timeline whose weights are shown; 0: the finished weights."""
    held: Annotated[bool, switch] = True
    """Whether snapshots are teacher-forced on the finished model's translation."""
