"""The Table 3 page's own choices in the link."""

from dataclasses import dataclass
from typing import Annotated, Literal

from explorer.choice.url_fields import UrlFields, one_of, switch, texts

Quality = Literal["bleu", "perplexity"]
Sort = Literal[
    "perplexity_change",
    "bleu_change",
    "perplexity",
    "bleu",
    "parameters",
    "paper_perplexity",
    "paper_bleu",
    "paper_parameters",
]
"""Columns that sort the table."""


@dataclass(frozen=True, slots=True)
class Table3Fields(UrlFields):
    quality: Annotated[Quality, one_of(Quality)] = "bleu"
    compared: Annotated[tuple[str, ...], texts] = ()
    """Rows that translate side by side; none leaves them to the program."""
    sort: Annotated[Sort | None, one_of(Sort)] = None
    """The column that sorts the table, the best first; None: the paper's order."""
    down: Annotated[bool, switch] = False
    """Whether the worst come first."""
    opened: Annotated[tuple[str, ...], texts] = ()
    """Rows whose details are open."""
