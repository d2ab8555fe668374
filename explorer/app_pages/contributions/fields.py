"""The Source and prefix page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated

from explorer.choice.url_fields import DependsOn, UrlFields, whole


@dataclass(frozen=True, slots=True)
class ContributionsFields(UrlFields):
    depth: Annotated[int | None, whole(1), DependsOn("model")] = None
    """The decoder layer after which contributions are drawn; None: the last."""
