"""BLEU of what the decoder makes of every encoder layer, over a text; as `lens.json` holds it.

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from core.evaluation.ratios import Estimate
from core.system.json_files import built, read_measurement

LENS = "lens.json"

_Numbers = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class LensScores:
    """A score for each depth, from 0, the embeddings alone, to N, the whole encoder."""

    bleu: tuple[Estimate, ...]
    chrf: tuple[Estimate, ...]
    text: str
    n_sentences: int
    search: Mapping[str, Any]
    weights_hash: str

    def to_json(self) -> dict[str, Any]:
        return {
            "bleu": [each.rounded() for each in self.bleu],
            "chrf": [each.rounded() for each in self.chrf],
            "text": self.text,
            "n_sentences": self.n_sentences,
            "search": dict(self.search),
            "weights_hash": self.weights_hash,
        }

    @classmethod
    def from_json(cls, values: Any) -> "LensScores":
        """Read what `to_json` wrote; other keys are ignored.

        Raises:
            ValueError: if a value is missing or of another type; the message names it.
        """
        stored: _Stored = built(_Stored, values)
        bleu, chrf = (
            tuple(Estimate(value, (low, high)) for value, low, high in stored[name])
            for name in ("bleu", "chrf")
        )
        if len(bleu) != len(chrf) or not bleu:
            raise ValueError("bleu and chrf must have one entry for each depth")
        return cls(
            bleu,
            chrf,
            stored["text"],
            stored["n_sentences"],
            stored["search"],
            stored["weights_hash"],
        )


class _Stored(TypedDict):
    """What `lens.json` holds."""

    bleu: list[_Numbers]
    chrf: list[_Numbers]
    text: str
    n_sentences: int
    search: dict[str, Any]
    weights_hash: str


def read_lens_scores(folder: Path) -> LensScores | None:
    """What is stored in a checkpoint's folder; None if nothing was measured.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    return read_measurement(folder / LENS, LensScores.from_json, made_with="python -m core lens")
