"""The Roles page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated

from explorer.choice.url_fields import DependsOn, UrlFields, whole


@dataclass(frozen=True, slots=True)
class RolesFields(UrlFields):
    most: Annotated[int, whole(1, 3), DependsOn("model", "kind", "layer", "head")] = 1
    """Which of the sentences in which the head plays its role most."""
    least: Annotated[int, whole(1, 3), DependsOn("model", "kind", "layer", "head")] = 1
