"""The Positions page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.url_fields import DependsOn, UrlFields, ids, number, one_of, whole

PositionPicture = Literal["experiment", "curves", "table", "distance", "shift", "learned"]
"""What is drawn of the position table; `experiment` is the table too, beside which it stands."""
Extent = Literal["many", "sentence"]
PositionEdit = Literal["off", "shift", "scale"]
Stacks = Literal["both", "encoder", "decoder"]

MOST_SHIFT, MOST_SCALE = 1_000, 8.0


@dataclass(frozen=True, slots=True)
class PositionsFields(UrlFields):
    picture: Annotated[PositionPicture, one_of(PositionPicture)] = "table"
    extent: Annotated[Extent, one_of(Extent)] = "many"
    dimensions: Annotated[tuple[int, ...], ids, DependsOn("model")] = ()
    """Columns of the position table, from 0 as in section 3.5; none leaves them to the program."""
    position: Annotated[int, whole(0)] = 1
    """p of section 3.5, from 0."""
    k: Annotated[int, whole(0, MOST_SHIFT)] = 5
    """k of PE(p + k), in positions; the experiment's shift."""
    positions: Annotated[PositionEdit, one_of(PositionEdit)] = "off"
    scale: Annotated[float, number(0, MOST_SCALE)] = 0.5
    stacks: Annotated[Stacks, one_of(Stacks)] = "both"
