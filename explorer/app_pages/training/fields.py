"""The Training page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.url_fields import DependsOn, UrlFields, one_of, switch, texts, whole

Across = Literal["step", "tokens"]
"""What a training is measured by: steps of the optimiser, or source and target tokens seen."""


@dataclass(frozen=True, slots=True)
class TrainingFields(UrlFields):
    runs: Annotated[tuple[str, ...], texts] = ()
    """Trainings whose curves are drawn; none leaves them to the program."""
    across: Annotated[Across, one_of(Across)] = "step"
    log_x: Annotated[bool, switch] = False
    log_y: Annotated[bool, switch] = False
    snapshot: Annotated[int, whole(0), DependsOn("model")] = 0
    """The step of the training whose weights are shown in its timeline; 0, the finished ones."""
    held: Annotated[bool, switch] = True
    """Whether snapshots read the finished model's translation, and not one of their own."""
