"""The Why this word page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.choice import Run
from explorer.choice.url_fields import DependsOn, UrlFields, one_of, whole

How = Literal["integrated_gradients", "gradient_input", "occlusion"]
"""How the difference is attributed."""


@dataclass(frozen=True, slots=True)
class WhyFields(UrlFields):
    how: Annotated[How, one_of(How)] = "integrated_gradients"
    wanted_id: Annotated[int | None, whole(0), DependsOn("step", *Run.names())] = None
    """The token that is asked for; None: the one that the step wrote."""
    other_id: Annotated[int | None, whole(0), DependsOn("step", *Run.names())] = None
    """The token that it is compared with; None: the most probable other one."""
