"""The two attempts of a model at a text, as plain text: what every number of the report is made of.

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from core.evaluation.rewards import REWARDS
from core.system.files import write_json, write_whole
from core.system.json_files import built, read_json

CONTROLS = ("other", "reference", "corrupted", "empty")
"""Drafts in place of the model's own: of another sentence, the reference, that with mistakes, none."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """The two attempts of one model at a text."""

    references: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]
    controls: Mapping[str, tuple[str, ...]]
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
        """Read what `save` wrote.

        Raises:
            ValueError: if the file cannot be read; the message names it.
        """
        try:
            found: Attempted = built(cls, read_json(file))
            if len({len(found.references), len(found.first), len(found.second)}) != 1:
                raise ValueError("it holds attempts and references of different numbers")
        except ValueError as error:
            raise ValueError(
                f"{file} cannot be read ({error}); remove it, and `python -m core score train` measures anew"
            ) from None
        return found
