"""What is stored of pruning with gates: `gates.json` in a checkpoint's folder."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.config import KINDS, Kind, ModelConfig, n_layers
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
        _check(points)
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


def _check(points: Sequence[GatePoint]) -> None:
    """Raises ValueError if gates are no gates of one model, or prices do not rise."""
    shapes = {tuple(of.shape for of in point.gates.values()) for point in points}
    if len(shapes) != 1 or any(len(shape) != 2 or 0 in shape for shape in next(iter(shapes))):
        raise ValueError("gates must have layers and heads, as many at every point")
    if any(not ((of >= 0) & (of <= 1)).all() for point in points for of in point.gates.values()):
        raise ValueError("gates must be from 0 to 1")
    prices = [point.penalty for point in points]
    if prices != sorted(set(prices)):
        raise ValueError(f"penalty must rise from point to point, not {prices}")


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


def read_gates(folder: Path, config: ModelConfig | None = None) -> GateResults | None:
    """What is stored in a checkpoint's folder; None without it.

    Args:
        config: of the model; the gates must have its layers and heads.

    Raises:
        ValueError: if the file exists and cannot be read, or is of another shape.
    """

    def read(values: Any) -> GateResults:
        found = GateResults.from_json(values)
        for kind, of in found.points[0].gates.items() if config else ():
            assert config
            shape = (n_layers(config, kind), config.n_heads)
            if of.shape != shape:
                raise ValueError(f"gates of {kind} are {of.shape}, and the model has {shape}")
        return found

    return read_measurement(folder / GATES, read, made_with="python -m core gates")
