"""The Anatomy page's own choices in the link."""

import re
from dataclasses import dataclass
from typing import Annotated

from explorer.choice.url_fields import DependsOn, UrlFields, whole


def _block(value: str) -> str:
    if not re.fullmatch(r"[a-z_.]{1,60}", value):
        raise ValueError("must be the name of a block, such as encoder.layers.feed_forward")
    return value


@dataclass(frozen=True, slots=True)
class AnatomyFields(UrlFields):
    """The layers and heads in the figure, from 1; `View` has those of the kind that it names."""

    encoder_layer: Annotated[int | None, whole(1), DependsOn("model")] = None
    decoder_layer: Annotated[int | None, whole(1), DependsOn("model")] = None
    encoder_head: Annotated[int | None, whole(1), DependsOn("model")] = None
    decoder_head: Annotated[int | None, whole(1), DependsOn("model")] = None
    cross_head: Annotated[int | None, whole(1), DependsOn("model")] = None
    block: Annotated[str, _block] = ""
    """The block that is open."""
