"""Every sentence of a text: its translation, what is unusual about it, and what its heads did.

Nothing here imports torch.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.config import KINDS, Kind
from core.evaluation.ratios import Ratios, ratios

HeadNumbers = Mapping[Kind, NDArray[np.float64]]
"""Kind -> N H."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of a text, as it is given."""

    source: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """One sentence of a text, translated and measured."""

    given: Sentence
    translation: str
    n_pieces: int  # of the translation, `</s>` included
    score: float  # what the search ranked by
    log_probability_nats: float  # of the whole translation
    source_share: float  # ALTI+, mean over steps
    entropy_nats: float  # of cross-attention, mean over heads and steps
    chrf: float | None  # against the reference; None without one
    warnings: tuple[str, ...]
    heads: Mapping[str, HeadNumbers]  # name of a measure -> the mean of each head over its queries
    n_queries: Mapping[Kind, int]

    @property
    def log_probability_a_piece(self) -> float:
        return self.log_probability_nats / self.n_pieces


@dataclass(frozen=True, slots=True)
class Unread:
    """A sentence that the model cannot read, and why."""

    given: Sentence
    problem: str


COLUMNS = (
    "source", "translation", "score", "log-probability a piece (nats)", "source share",
    "entropy (nats)", "chrF", "warnings", "reference",
)  # fmt: skip


def row_of(one: Measured | Unread) -> tuple[str | float | None, ...]:
    """The cells of a line, as `COLUMNS` names them; None where there is no number."""
    if isinstance(one, Unread):
        return (one.given.source, "", *(None,) * 5, f"not read: {one.problem}", one.given.reference)
    return (
        one.given.source,
        one.translation,
        round(one.score, 3),
        round(one.log_probability_a_piece, 3),
        round(one.source_share, 3),
        round(one.entropy_nats, 3),
        None if one.chrf is None else round(one.chrf, 1),
        " ".join(one.warnings),
        one.given.reference,
    )


def as_csv(found: Sequence[Measured | Unread]) -> str:
    """All lines below their headings."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(["" if cell is None else cell for cell in row_of(one)] for one in found)
    return text.getvalue()


def head_means(found: Sequence[Measured | Unread], measure: str) -> dict[Kind, Ratios]:
    """The mean of every head over all queries of the text, with intervals over sentences: N H.

    Raises:
        ValueError: if no sentence was read.
    """
    read = [one for one in found if isinstance(one, Measured)]
    if not read:
        raise ValueError("no sentence of the text could be read")
    means = {}
    for kind in KINDS:
        counts = np.array([one.n_queries[kind] for one in read], np.float64)[:, None, None]
        values = np.stack([one.heads[measure][kind] for one in read])
        means[kind] = ratios((values * counts, counts))
    return means
