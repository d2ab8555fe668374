"""Table 3 as a value: the sizes of every variant, and the measurements of those that are trained.

    for row in read_table(Path("checkpoints/table3/table.json")).rows:
        print(row.name, row.sizes.n_heads, row.measured and row.measured.steps)

Nothing here imports torch, so a page can list rows and numbers at once. The fields of `Table` are
the keys of `table.json`, which docs/table3.md describes.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from core.config import ModelConfig, Positions, TrainConfig
from core.experiments.table3.presets import PaperResult
from core.experiments.table3.rows import (
    BASE,
    TEST,
    VALIDATION,
    VARIANTS,
)
from core.system.json_files import built, read_json

TABLE = "table.json"
TEXTS = (VALIDATION, TEST)
SCORES = ("perplexity", "bleu", "bleu_lc")

LET_THROUGH = "about three in ten"
"""How often a fourth seed of base would differ from the first by more than the spread of three
seeds, if the scores of seeds were normally distributed (0.294, simulated)."""

Verdict = Literal["higher", "lower", "no difference shown", "not judged yet"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a variant, as trained here."""

    n_layers: int  # of the encoder, and as many of the decoder
    d_model: int
    d_ff: int
    n_heads: int
    d_k: int
    d_v: int
    p_dropout: float
    label_smoothing: float
    positions: Positions
    n_fixed_heads: int  # of each encoder layer, that attend by a fixed pattern; the paper has none
    parameters: int

    @classmethod
    def of(cls, model: ModelConfig, settings: TrainConfig) -> Self:
        same = {f.name for f in dataclasses.fields(cls)} & {
            f.name for f in dataclasses.fields(model)
        }
        return cls(
            n_layers=model.n_encoder_layers,
            label_smoothing=settings.label_smoothing,
            parameters=model.n_parameters,
            **{name: getattr(model, name) for name in same},
        )


@dataclass(frozen=True, slots=True)
class IntervalScore:
    """A score and its 95 % bootstrap interval."""

    value: float
    interval_95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class DifferenceToBase:
    """A variant's score minus base's, on the same resamples of the same sentences."""

    difference: float
    interval_95: tuple[float, float]
    p_value: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class VariantScores:
    """The measurements of a finished variant; scores by text and name (`TEXTS`, `SCORES`)."""

    steps: int
    best_step: int  # whose weights the checkpoint holds: the lowest perplexity on VALIDATION
    tokens_seen: int  # source + target in the whole training, padding not counted
    training_tokens_per_s: float
    decoding_tokens_per_s: float  # beam 4, on TEST
    hardware: str
    weights_sha256: str | None
    scores: dict[str, dict[str, IntervalScore]]
    final_scores: dict[str, dict[str, IntervalScore]]  # of the weights after the last step
    against_base: dict[str, dict[str, DifferenceToBase]]  # empty for base, or without base


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of the table: the paper's numbers, our sizes, and our measurements if trained."""

    name: str
    paper: PaperResult | None
    sizes: Sizes
    seed: int
    measured: VariantScores | None = None


BESIDE_OTHER_WORK = (
    "each row's as it was trained, one thread, while other work may have shared the machine: an order "
    "of magnitude"
)


@dataclass(frozen=True, slots=True)
class Table:
    """The whole table: all variants, and how they are trained."""

    width: str
    depth: str
    vocabulary_size: int
    rows: tuple[TableRow, ...]
    seed_spread: dict[str, dict[str, float]] = field(default_factory=dict)
    """Highest minus lowest score of the three seeds of base; empty until all three are finished."""
    speeds: str = BESIDE_OTHER_WORK
    """How the variants' speeds were measured."""

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Raises ValueError if a key is unknown or missing, or a value of another type."""
        table: Self = built(cls, values)
        names = [row.name for row in table.rows]
        if (
            BASE.name not in names
            or not set(names) <= set(VARIANTS)
            or len(set(names)) < len(names)
        ):
            raise ValueError(
                f"its rows must be {BASE.name} and others of Table 3, each once: {names}"
            )
        for row in table.rows:
            if row.measured:
                for scores in (row.measured.scores, row.measured.final_scores):
                    _require_whole(scores, f"the scores of {row.name}")
                if row.measured.against_base:
                    _require_whole(row.measured.against_base, f"the comparison of {row.name}")
        if table.seed_spread:
            _require_whole(table.seed_spread, "seed_spread")
        return table


def _require_whole(values: Mapping[str, Mapping[str, Any]], name: str) -> None:
    lacking = [
        f"{text}.{score}" for text in TEXTS for score in SCORES if score not in values.get(text, {})
    ]
    if lacking:
        raise ValueError(f"{name} must hold {', '.join(lacking)}")


def untrained(*, width: str, depth: str, vocabulary_size: int, training: TrainConfig) -> Table:
    """The table before anything is trained: every variant with its sizes.

    Raises:
        ValueError: if a scaled size is not a whole number of at least 1.
    """
    rows = []
    for row in VARIANTS.values():
        model = row.model(vocabulary_size=vocabulary_size, width=width, depth=depth)
        settings = row.settings(training)
        rows.append(TableRow(row.name, row.paper, Sizes.of(model, settings), settings.seed))
    return Table(width, depth, vocabulary_size, tuple(rows))


def read_table(file: Path) -> Table:
    """The table as it was last written.

    Raises:
        ValueError: if the file is missing or is not such a table; the message names it.
    """
    try:
        return Table.from_json(read_json(file))
    except ValueError as error:
        raise ValueError(
            f"{file} is not a table: {error}; `python -m core table3` writes it"
        ) from None


def verdict(difference: float, interval_95: Sequence[float], spread: float | None) -> Verdict:
    """The verdict on a difference to base, given the spread between seeds (None: not known yet).

    A difference shows nothing if its interval includes zero, or if it is no larger than the spread
    between seeds of base.
    """
    low, high = interval_95
    if low <= 0 <= high:
        return "no difference shown"
    if spread is None:
        return "not judged yet"
    if abs(difference) <= spread:
        return "no difference shown"
    return "higher" if difference > 0 else "lower"


def require_different_weights(table: Table) -> None:
    """Raises ValueError, naming the variants, if two have the same weights: one is then a copy."""
    rows_of: dict[str, list[str]] = {}
    for row in table.rows:
        if row.measured and row.measured.weights_sha256:
            rows_of.setdefault(row.measured.weights_sha256, []).append(row.name)
    same = [" = ".join(names) for names in rows_of.values() if len(names) > 1]
    if same:
        raise ValueError(
            f"{'; '.join(same)}: the same weights under several names; every variant is trained "
            "separately, so remove the folders that are copies and repeat the command"
        )
