"""What a model has learnt at each snapshot of its training; as `learning.json` holds it.

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from core.evaluation.ratios import Estimate
from core.system.json_files import built, read_measurement

LEARNING = "learning.json"

MOST_ORDERS = 6
Numbers = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Moment:
    """What the translations of one snapshot are like, or those of people."""

    ngrams: Mapping[int, Estimate]
    """n -> the log-probability of a word under an n-gram model of the target language, nats."""
    kept_order: Estimate
    """The share of neighbouring words that go on where the one before stopped in the source."""
    bleu: Estimate | None
    """None for the references."""
    source_share: Estimate | None
    """With the references forced (ALTI+); None for the references."""

    def to_json(self) -> dict[str, Any]:
        return {
            "ngrams": {str(n): each.rounded() for n, each in self.ngrams.items()},
            "kept_order": self.kept_order.rounded(),
            "bleu": self.bleu and self.bleu.rounded(),
            "source_share": self.source_share and self.source_share.rounded(),
        }


@dataclass(frozen=True, slots=True)
class Learning:
    """Step of the training -> what the translations of that moment are like."""

    moments: Mapping[int, Moment]
    """Rising steps; the last is the finished model."""
    reference: Moment
    text: str
    n_sentences: int
    language_text: str
    """What the n-gram models were counted on."""
    aligner: str
    weights_hash: str

    def to_json(self) -> dict[str, Any]:
        return {
            "moments": {str(step): each.to_json() for step, each in self.moments.items()},
            "reference": self.reference.to_json(),
            "text": self.text,
            "n_sentences": self.n_sentences,
            "language_text": self.language_text,
            "aligner": self.aligner,
            "weights_hash": self.weights_hash,
        }

    @classmethod
    def from_json(cls, values: Any) -> "Learning":
        """Read what `to_json` wrote; other keys are ignored.

        Raises:
            ValueError: if a value is missing or of another type; the message names it.
        """
        stored: _Stored = built(_Stored, values)
        moments = {_whole(step): _moment(each) for step, each in stored["moments"].items()}
        reference = _moment(stored["reference"])
        if not moments:
            raise ValueError("moments must be at least one")
        if any(each.bleu is None for each in moments.values()):
            raise ValueError("every moment must have bleu")
        orders = set(reference.ngrams)
        if not 1 <= len(orders) <= MOST_ORDERS or any(
            set(each.ngrams) != orders for each in moments.values()
        ):
            raise ValueError(
                f"ngrams of all moments and of the reference must be of the same orders, 1 to {MOST_ORDERS} of them"
            )
        return cls(
            moments=dict(sorted(moments.items())),
            reference=reference,
            text=stored["text"],
            n_sentences=stored["n_sentences"],
            language_text=stored["language_text"],
            aligner=stored["aligner"],
            weights_hash=stored["weights_hash"],
        )


class _Moment(TypedDict):
    ngrams: dict[str, Numbers]
    kept_order: Numbers
    bleu: Numbers | None
    source_share: Numbers | None


class _Stored(TypedDict):
    """What `learning.json` holds."""

    moments: dict[str, _Moment]
    reference: _Moment
    text: str
    n_sentences: int
    language_text: str
    aligner: str
    weights_hash: str


def _moment(stored: _Moment) -> Moment:
    return Moment(
        ngrams={_whole(n): _estimate(each) for n, each in stored["ngrams"].items()},
        kept_order=_estimate(stored["kept_order"]),
        bleu=_estimate(of) if (of := stored["bleu"]) else None,
        source_share=_estimate(of) if (of := stored["source_share"]) else None,
    )


def _whole(number: str) -> int:
    if not number.isdecimal() or len(number) > 12:
        raise ValueError(f"{number!r} must be a whole number")
    return int(number)


def _estimate(numbers: Numbers) -> Estimate:
    value, low, high = numbers
    return Estimate(value, (low, high))


def read_learning(folder: Path) -> Learning | None:
    """What is stored in a checkpoint's folder; None if nothing was measured.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    return read_measurement(
        folder / LEARNING, Learning.from_json, made_with="python -m core learning"
    )
