"""The effects of ablations on the translation of a text, as recorded in `sweep.json`.

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

from core.analysis.ablation.parts import HeadChange
from core.analysis.ablation.spec import Ablation
from core.config import SearchConfig
from core.evaluation.bootstrap import Difference, Interval
from core.system.json_files import built, read_measurement

SWEEP = "sweep.json"


class _Scores(TypedDict):
    bleu: float
    chrf: float
    perplexity: float


class _Intervals(TypedDict):
    bleu: Interval
    chrf: Interval
    perplexity: Interval


class _Differences(TypedDict):
    bleu: Difference
    chrf: Difference
    perplexity: Difference


class _Effect(TypedDict):
    ablation: str
    scores: _Scores
    differences: _Differences


class _Stored(TypedDict):
    """What `sweep.json` holds."""

    scores: _Scores
    intervals_95: _Intervals
    effects: list[_Effect]
    sentences: int
    data_hash: str
    weights_hash: str
    search: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CorpusEffect:
    """One ablation, and its score differences to the unchanged model."""

    ablation: Ablation
    scores: Mapping[str, float]
    differences: Mapping[str, Difference]


@dataclass(frozen=True, slots=True)
class CorpusEffects:
    """The scores of the unchanged model on one text, and the effect of each ablation."""

    scores: Mapping[str, float]
    intervals_95: Mapping[str, Interval]
    effects: tuple[CorpusEffect, ...]
    n_sentences: int
    data_hash: str
    weights_hash: str
    search: SearchConfig

    def heads_left_out(self) -> dict[HeadChange, CorpusEffect]:
        """Map each head to the effect of switching it off alone, largest loss of BLEU first."""
        found = {
            part: effect
            for effect in self.effects
            for part in effect.ablation.parts
            if isinstance(part, HeadChange) and part.change == 0 and len(effect.ablation.parts) == 1
        }
        return dict(sorted(found.items(), key=lambda item: item[1].differences["bleu"].value))

    def to_json(self) -> dict[str, Any]:
        return {
            "scores": dict(self.scores),
            "intervals_95": dict(self.intervals_95),
            "effects": [
                {
                    "ablation": str(effect.ablation),
                    "scores": dict(effect.scores),
                    "differences": {
                        name: asdict(difference) for name, difference in effect.differences.items()
                    },
                }
                for effect in self.effects
            ],
            "sentences": self.n_sentences,
            "data_hash": self.data_hash,
            "weights_hash": self.weights_hash,
            "search": self.search.to_json(),
        }

    @classmethod
    def from_json(cls, values: Any) -> "CorpusEffects":
        """Read what `to_json` wrote; other keys are ignored.

        Raises:
            ValueError: if a value is missing or of another type; the message names it.
        """
        stored: _Stored = built(_Stored, values)
        return cls(
            scores=cast(Mapping[str, float], stored["scores"]),
            intervals_95=cast(Mapping[str, Interval], stored["intervals_95"]),
            effects=tuple(
                CorpusEffect(
                    Ablation.parse(effect["ablation"]),
                    cast(Mapping[str, float], effect["scores"]),
                    cast(Mapping[str, Difference], effect["differences"]),
                )
                for effect in stored["effects"]
            ),
            n_sentences=stored["sentences"],
            data_hash=stored["data_hash"],
            weights_hash=stored["weights_hash"],
            search=SearchConfig.from_json(stored["search"]),
        )


def read_sweep(folder: Path) -> CorpusEffects | None:
    """The sweep stored in a checkpoint's folder; None without one.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    file = folder / SWEEP
    command = f"python -m core ablate --sweep heads --output {file}"
    return read_measurement(file, CorpusEffects.from_json, made_with=command)
