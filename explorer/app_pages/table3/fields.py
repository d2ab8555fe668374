"""The Table 3 page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.url_fields import UrlFields, one_of, texts

Quality = Literal["bleu", "perplexity"]


@dataclass(frozen=True, slots=True)
class Table3Fields(UrlFields):
    quality: Annotated[Quality, one_of(Quality)] = "bleu"
    compared: Annotated[tuple[str, ...], texts] = ()
    """Rows that translate side by side; none leaves them to the program."""
