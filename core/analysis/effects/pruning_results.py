"""BLEU against the share of heads switched off, as a checkpoint's `pruning.json` records it.

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.analysis.ablation.parts import HeadChange
from core.config import KINDS, Kind
from core.system.json_files import built, read_measurement

PRUNING = "pruning.json"

Importance = Mapping[Kind, NDArray[np.float64]]
"""Kind -> N H."""


@dataclass(frozen=True, slots=True)
class PruningPoint:
    n_removed: int
    share: float  # of all heads of all kinds
    bleu: float
    interval_95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class PruningCurve:
    """BLEU as heads are switched off one after another, in one order."""

    order: str  # "importance" (the least important first), or "random 1", "random 2", ..
    points: tuple[PruningPoint, ...]

    def removable_share(self, loss: float = 1.0) -> float:
        """The largest share of heads up to which BLEU never falls by more than `loss`."""
        share = 0.0
        for point in self.points:
            if point.bleu < self.points[0].bleu - loss:
                break
            share = point.share
        return share


@dataclass(frozen=True, slots=True)
class Pruning:
    """Curves of one checkpoint, and how they were made."""

    curves: tuple[PruningCurve, ...]
    importance: Importance  # E|∂L/∂ξ| in nats a sentence
    weights_hash: str
    data_hash: str  # of the text that BLEU was measured on
    importance_data_hash: str
    n_sentences: int
    n_importance_sentences: int
    search: Mapping[str, Any]
    elapsed_s: float

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        return {**values, "importance": {k: v.tolist() for k, v in self.importance.items()}}

    @classmethod
    def from_json(cls, values: Any) -> "Pruning":
        """Read what `to_json` wrote; other keys are ignored.

        Raises:
            ValueError: if a value is missing or of another type; the message names it.
        """
        stored: _Stored = built(_Stored, values)
        n_points = {len(curve.points) for curve in stored["curves"]}
        if len(n_points) != 1 or 0 in n_points:
            raise ValueError("curves must be at least one, of equally many points, at least one")
        importance = {kind: np.asarray(stored["importance"][kind], np.float64) for kind in KINDS}
        return cls(
            curves=tuple(stored["curves"]),
            importance=importance,
            weights_hash=stored["weights_hash"],
            data_hash=stored["data_hash"],
            importance_data_hash=stored["importance_data_hash"],
            n_sentences=stored["n_sentences"],
            n_importance_sentences=stored["n_importance_sentences"],
            search=stored["search"],
            elapsed_s=stored["elapsed_s"],
        )


class _Importance(TypedDict):
    encoder: list[list[float]]
    decoder: list[list[float]]
    cross: list[list[float]]


class _Stored(TypedDict):
    """What `pruning.json` holds."""

    curves: list[PruningCurve]
    importance: _Importance
    weights_hash: str
    data_hash: str
    importance_data_hash: str
    n_sentences: int
    n_importance_sentences: int
    search: dict[str, Any]
    elapsed_s: float


def read_pruning(folder: Path) -> Pruning | None:
    """The curves stored in a checkpoint's folder; None without them.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    return read_measurement(folder / PRUNING, Pruning.from_json, made_with="python -m core prune")


def pruning_order(importance: Importance) -> list[HeadChange]:
    """All heads in the order in which to switch them off: the least important first.

    Each score is divided by the L2 norm of its layer's scores, as Michel et al. 2019 do after
    Molchanov et al. 2017, so that layers can be compared.
    """
    scored = []
    for kind, layers in importance.items():
        for layer, scores in enumerate(layers):
            length = float(np.linalg.norm(scores)) or 1.0
            scored += [
                (float(score) / length, HeadChange(kind, layer, head))
                for head, score in enumerate(scores)
            ]
    return [head for _, head in sorted(scored, key=lambda one: one[0])]
