"""How fast the variants of Table 3 train and decode, as `speeds.json` records it.

Variants are trained at different times, beside other work, so their speeds in training cannot be
compared. These speeds are measured afterwards, in turn, on one idle machine. Nothing here imports
torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from core.system.files import write_json, write_whole
from core.system.json_files import built, read_measurement

SPEEDS = "speeds.json"


@dataclass(frozen=True, slots=True)
class Speed:
    training_tokens_per_s: float  # source + target, padding not counted
    decoding_tokens_per_s: float  # pieces of the translations, `</s>` included; beam 4


@dataclass(frozen=True, slots=True)
class Speeds:
    """Name of the variant -> its median speeds over rounds that measure every variant in turn."""

    rows: Mapping[str, Speed]
    hardware: str
    n_rounds: int
    n_steps: int  # per round and variant
    n_sentences: int

    @property
    def how(self) -> str:
        return (
            f"in turn on {self.hardware}; the median of {self.n_rounds} rounds, each of "
            f"{self.n_steps} training steps and {self.n_sentences} translations"
        )

    def save(self, folder: Path) -> None:
        write_whole(folder / SPEEDS, write_json(asdict(self)))

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Raises ValueError if a key is unknown or missing, or a value of another type."""
        speeds: Self = built(cls, values)
        return speeds


def read_speeds(folder: Path) -> Speeds | None:
    """The speeds stored in a folder of variants; None if there are none.

    Raises:
        ValueError: if the file exists and cannot be read.
    """
    return read_measurement(
        folder / SPEEDS, Speeds.from_json, made_with="python -m core table3 --speeds"
    )
