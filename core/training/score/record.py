"""The two attempts of a model at a text, as plain text: what every number of the report is made of.

Nothing here imports torch.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.evaluation.rewards import REWARDS
from core.system.files import write_json, write_whole

CONTROLS = ("other", "reference", "corrupted", "empty")
"""Drafts in place of the model's own: of another sentence, the reference, that with mistakes, none."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """The two attempts of one model at a text."""

    references: Sequence[str]
    first: Sequence[str]
    second: Sequence[str]
    controls: Mapping[str, Sequence[str]]
    """Kind of draft, of `CONTROLS` -> the second attempts that read it."""

    def rewards(self, name: str) -> tuple[list[float], list[float]]:
        """A reward of `REWARDS` for each first and each second attempt."""
        reward = REWARDS[name]
        return reward(self.first, self.references), reward(self.second, self.references)

    def save(self, file: Path) -> None:
        """Write the record, whole."""
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, write_json(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> "Attempted":
        """Read what `save` wrote."""
        return cls(**json.loads(file.read_text("utf-8")))
