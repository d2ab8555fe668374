"""What an experiment found, as the Explorer shows it: numbers and models, no line of its texts.

FOLDER/score.json     every row of the report, the course of each training, examples
FOLDER/points.npz     for each text and method, the rewards of both attempts at each problem
FOLDER/MODEL/         checkpoints, as many as were chosen

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.evaluation.rewards import REWARDS
from core.system.arrays import read_arrays
from core.system.json_files import built, read_json
from core.text.pieces import normalise
from core.training.score.methods import METHODS
from core.training.score.report import Row

RESULTS, POINTS = "score.json", "points.npz"
MOST_POINT_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Example:
    """A text to begin with, and its reference."""

    source: str
    reference: str


@dataclass(frozen=True, slots=True)
class Report:
    """A moment of a method's training; means over the updates since the one before."""

    step: int
    """Of all stages together."""
    stage: int
    reward_1: float | None = None
    reward_2: float | None = None
    kl_1: float | None = None
    """KL divergence from the reference model in nats an attempt."""
    kl_2: float | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What an experiment found."""

    task: str
    reward: str
    """A name of `core.evaluation.rewards.REWARDS`."""
    is_right: float
    """Rewards from here on count as right."""
    rows: tuple[Row, ...]
    courses: Mapping[str, tuple[Report, ...]]
    """Method -> the training of its first seed; supervised methods have no rewards to report."""
    models: Mapping[str, str]
    """Folder -> the method whose checkpoint it is."""
    examples: tuple[Example, ...]
    is_picked: bool = False
    """Whether the examples were chosen by what the models make of them."""

    def row(self, text: str, method: str) -> Row:
        """The numbers of a method on a text; KeyError if there are none."""
        for row in self.rows:
            if (row.text, row.method) == (text, method):
                return row
        raise KeyError((text, method))

    def rows_of(self, text: str) -> list[Row]:
        """The numbers of all methods on a text."""
        return [row for row in self.rows if row.text == text]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.text for row in self.rows))


def read_results(folder: Path) -> Results:
    """The results in a folder.

    Raises:
        ValueError: if they cannot be read; the message names the file and what is wrong.
    """
    file = folder / RESULTS
    try:
        found: Results = built(Results, read_json(file))
        _require_usable(found)
        return found
    except ValueError as error:
        raise ValueError(
            f"{file} cannot be read ({error}); make it again with: python -m core score bundle"
        ) from None


def _require_usable(found: Results) -> None:
    if found.reward not in REWARDS:
        raise ValueError(f"reward {found.reward!r} is none of {', '.join(REWARDS)}")
    if not 0 < found.is_right <= 1:
        raise ValueError(f"is_right={found.is_right:g} must be above 0 and at most 1")
    if not found.rows:
        raise ValueError("it holds no rows")
    named = [*(row.method for row in found.rows), *found.models.values()]
    unknown = [name for name in named if name not in METHODS]
    if unknown:
        raise ValueError(f"it names the method {unknown[0]}, which is unknown here")
    for number, example in enumerate(found.examples, start=1):
        if not example.source or example.source != normalise(example.source):
            raise ValueError(f"example {number} is empty or not normalised")


@dataclass(frozen=True, slots=True)
class Points:
    """One method's first seed on one text, a number for each problem."""

    first: NDArray[np.float32]
    """Reward of the first attempt."""
    second: NDArray[np.float32]
    edits: NDArray[np.float32]
    """How far the second attempt is from the first, 0 to 1 (`metrics.edit_share`)."""


def read_points(folder: Path) -> dict[tuple[str, str], Points]:
    """By text and method.

    Raises:
        ValueError: if the file cannot be read, or is no such file.
    """
    file = folder / POINTS
    try:
        arrays = read_arrays(file, MOST_POINT_BYTES)
        names = {name.rpartition("/")[0] for name in arrays}
        return {_split(name): _points(arrays, name) for name in sorted(names)}
    except ValueError as error:
        raise ValueError(
            f"{file} cannot be read ({error}); make it again with: python -m core score bundle"
        ) from None


def _split(name: str) -> tuple[str, str]:
    text, slash, method = name.rpartition("/")
    if not slash:
        raise ValueError(f"{name} is no text and method")
    return text, method


def _points(arrays: Mapping[str, NDArray[np.float32]], name: str) -> Points:
    parts = [arrays.get(f"{name}/{part}") for part in ("first", "second", "edits")]
    if any(part is None or part.ndim != 1 or part.dtype.kind != "f" for part in parts):
        raise ValueError(f"{name} lacks a list of numbers for first, second or edits")
    if len({len(part) for part in parts if part is not None}) != 1:
        raise ValueError(f"{name} has lists of different lengths")
    if parts[0] is not None and not len(parts[0]):
        raise ValueError(f"{name} has no problems")
    first, second, edits = (part.astype(np.float32) for part in parts if part is not None)
    return Points(first, second, edits)
