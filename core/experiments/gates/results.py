"""What is stored of pruning with gates: `gates.json` in a checkpoint's folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.config import KINDS, Kind
from core.evaluation.ratios import Estimate
from core.system.json_files import built, read_measurement

GATES = "gates.json"


@dataclass(frozen=True, slots=True)
class GatePoint:
    """A model after fine-tuning at one price of a head."""

    penalty: float
    """The price of a head, in nats a target token."""
    gates: Mapping[Kind, NDArray[np.float64]]
    """Kind -> N H, without noise: 0 is a head that is gone."""
    bleu: Estimate
    perplexity: float
    scratch_bleu: Estimate | None = None
    """Of a model of the same shape trained from its first step; None: not trained."""
    scratch_perplexity: float | None = None

    def n_kept(self, kind: Kind | None = None) -> int:
        kinds = KINDS if kind is None else (kind,)
        return sum(int(np.count_nonzero(self.gates[each])) for each in kinds)

    def to_json(self) -> dict[str, Any]:
        return {
            "penalty": self.penalty,
            "gates": {kind: of.round(4).tolist() for kind, of in self.gates.items()},
            "bleu": self.bleu.rounded(),
            "perplexity": round(self.perplexity, 4),
            "scratch_bleu": self.scratch_bleu and self.scratch_bleu.rounded(),
            "scratch_perplexity": self.scratch_perplexity and round(self.scratch_perplexity, 4),
        }


@dataclass(frozen=True, slots=True)
class GateResults:
    """Points at rising prices, and the model as it is."""

    points: tuple[GatePoint, ...]
    before: Estimate
    """BLEU of the model before any of it."""
    text: str
    n_sentences: int
    n_steps: int
    rate: float
    weights_hash: str
    hardware: str

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "points": [point.to_json() for point in self.points],
            "before": self.before.rounded(),
        }

    @classmethod
    def from_json(cls, values: Any) -> "GateResults":
        """Read what `to_json` wrote.

        Raises:
            ValueError: if a value is missing or of another type; the message names it.
        """
        stored: _Stored = built(_Stored, values)
        points = tuple(
            GatePoint(
                penalty=point["penalty"],
                gates={kind: np.asarray(point["gates"][kind], np.float64) for kind in KINDS},
                bleu=_estimate(point["bleu"]),
                perplexity=point["perplexity"],
                scratch_bleu=_estimate(of) if (of := point["scratch_bleu"]) else None,
                scratch_perplexity=point["scratch_perplexity"],
            )
            for point in stored["points"]
        )
        if not points:
            raise ValueError("points must be at least one")
        return cls(
            points=points,
            before=_estimate(stored["before"]),
            text=stored["text"],
            n_sentences=stored["n_sentences"],
            n_steps=stored["n_steps"],
            rate=stored["rate"],
            weights_hash=stored["weights_hash"],
            hardware=stored["hardware"],
        )


_Numbers = tuple[float, float, float]


def _estimate(numbers: _Numbers) -> Estimate:
    value, low, high = numbers
    return Estimate(value, (low, high))


class _Gates(TypedDict):
    encoder: list[list[float]]
    decoder: list[list[float]]
    cross: list[list[float]]


class _Point(TypedDict):
    penalty: float
    gates: _Gates
    bleu: _Numbers
    perplexity: float
    scratch_bleu: _Numbers | None
    scratch_perplexity: float | None


class _Stored(TypedDict):
    points: list[_Point]
    before: _Numbers
    text: str
    n_sentences: int
    n_steps: int
    rate: float
    weights_hash: str
    hardware: str


def read_gates(folder: Path) -> GateResults | None:
    """What is stored in a checkpoint's folder; None without it.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    return read_measurement(folder / GATES, GateResults.from_json, made_with="python -m core gates")
