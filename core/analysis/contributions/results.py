"""How much of a model's output comes from the source, over a text; as `contributions.json` holds it.

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from core.evaluation.ratios import Estimate
from core.system.json_files import MOST_DIGITS, built, read_measurement

CONTRIBUTIONS = "contributions.json"

Numbers = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SourceShares:
    """The share of the source in what the decoder writes (ALTI+), means with 95 % intervals over
    sentences."""

    mean: Estimate
    along: tuple[Estimate, ...]
    """From the beginning of the output to its end, in equal parts, without the end token."""
    at_end: Estimate
    """Of the step that writes the end token."""
    exchanged: Estimate
    """The mean where each sentence is forced to have the translation of another."""
    caught: float
    """The share of these sentences whose mean is below `low_sentence`."""
    low_word: float
    """Of 100 words of the text, one has less than this."""
    low_sentence: float
    """Of 100 sentences, one has a mean below this."""
    snapshots: Mapping[int, Estimate]
    """Step of the training -> the mean with the weights of that step; empty without snapshots."""
    text: str
    n_sentences: int
    weights_hash: str

    def to_json(self) -> dict[str, Any]:
        return {
            "mean": self.mean.rounded(),
            "along": [each.rounded() for each in self.along],
            "at_end": self.at_end.rounded(),
            "exchanged": self.exchanged.rounded(),
            "caught": round(self.caught, 6),
            "low_word": round(self.low_word, 6),
            "low_sentence": round(self.low_sentence, 6),
            "snapshots": {str(step): each.rounded() for step, each in self.snapshots.items()},
            "text": self.text,
            "n_sentences": self.n_sentences,
            "weights_hash": self.weights_hash,
        }

    @classmethod
    def from_json(cls, values: Any) -> "SourceShares":
        """Read what `to_json` wrote; other keys are ignored.

        Raises:
            ValueError: if a value is missing or of another type; the message names it.
        """
        stored: _Stored = built(_Stored, values)
        if not all(step.isdecimal() and len(step) <= MOST_DIGITS for step in stored["snapshots"]):
            raise ValueError("snapshots must be named by their steps, which are whole numbers")
        return cls(
            mean=_estimate(stored["mean"]),
            along=tuple(map(_estimate, stored["along"])),
            at_end=_estimate(stored["at_end"]),
            exchanged=_estimate(stored["exchanged"]),
            caught=stored["caught"],
            low_word=stored["low_word"],
            low_sentence=stored["low_sentence"],
            snapshots={int(step): _estimate(each) for step, each in stored["snapshots"].items()},
            text=stored["text"],
            n_sentences=stored["n_sentences"],
            weights_hash=stored["weights_hash"],
        )


class _Stored(TypedDict):
    """What `contributions.json` holds."""

    mean: Numbers
    along: list[Numbers]
    at_end: Numbers
    exchanged: Numbers
    caught: float
    low_word: float
    low_sentence: float
    snapshots: dict[str, Numbers]
    text: str
    n_sentences: int
    weights_hash: str


def _estimate(numbers: Numbers) -> Estimate:
    value, low, high = numbers
    return Estimate(value, (low, high))


def read_source_shares(folder: Path) -> SourceShares | None:
    """What is stored in a checkpoint's folder; None if nothing was measured.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    return read_measurement(
        folder / CONTRIBUTIONS,
        SourceShares.from_json,
        made_with="python -m core contributions",
    )
