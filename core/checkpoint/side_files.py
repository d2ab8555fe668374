"""The optional files in a model's folder: scores, history and card. Each may be missing or bad.

A model runs without the files that cannot be used; `SideFiles.notices` names them. Nothing here
imports torch.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, TypeVar, get_type_hints

from core.checkpoint.marian import marian_card, marian_languages
from core.checkpoint.required import CheckpointError, is_marian_folder
from core.config import ModelConfig
from core.system.json_files import built, parse_json, read_json, read_text

HISTORY, METRICS, CARD = "history.jsonl", "metrics.json", "card.md"
MOST_HISTORY_BYTES = 64_000_000
MOST_REPORTS = 200_000
"""The most reports in a history; at one every 50 steps, ten million steps."""
MOST_FIELDS = 200
"""The most different fields in the reports of one training; a training has about fifteen."""

_Interval = tuple[float, float]


class _Intervals(TypedDict):
    bleu: _Interval
    bleu_lc: _Interval
    chrf: _Interval


class _Result(TypedDict):
    """Scores of one text."""

    bleu: float
    bleu_lc: float
    chrf: float
    perplexity: float
    sentences: int
    intervals_95: _Intervals
    signatures: dict[str, str]


class _Alignment(TypedDict):
    """The head that aligns words best, by gold alignments or by its agreement with itself; layer and
    head count from 1."""

    layer: int
    head: int
    rows: Literal["consumed", "produced"]
    alignment_error_rate: NotRequired[float]
    agreement: NotRequired[float]
    n_sentences: int
    data: NotRequired[str]


class _UnseenPieces(TypedDict):
    source: list[int]
    target: list[int]


class _Final(TypedDict):
    results: dict[str, _Result]


class _Metrics(TypedDict, total=False):
    """The entries of metrics.json that this project reads wherever a checkpoint comes from."""

    languages: tuple[str, str] | None
    pieces_not_in_training: _UnseenPieces
    examples: list[str]
    results: dict[str, _Result]
    final: _Final
    alignment: _Alignment


@dataclass(frozen=True, slots=True)
class SideFiles:
    """The content of scores, history and card that can be used."""

    metrics: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    card: str
    notices: tuple[str, ...]
    """A sentence for each file, or entry of one, that cannot be used."""


def read_side_files(folder: Path, config: ModelConfig) -> SideFiles:
    """Read the content that can be used; no exception is raised."""
    notices: list[str] = []
    metrics = _usable(lambda: read_metrics(folder), notices) or {}
    marian = is_marian_folder(folder)
    if marian and "languages" not in metrics and (said := marian_languages(folder)):
        metrics["languages"] = list(said)
    bad = _bad_entries(metrics, config)
    notices += [
        f"{METRICS} cannot be read completely: {problem}; {name} is left out"
        for name, problem in bad.items()
    ]
    return SideFiles(
        metrics={name: entry for name, entry in metrics.items() if name not in bad},
        history=_usable(lambda: tuple(read_history(folder / HISTORY)), notices) or (),
        card=_usable(lambda: read_card(folder), notices) or (marian_card(folder) if marian else ""),
        notices=tuple(notices),
    )


Value = TypeVar("Value")


def _usable(read: Callable[[], Value], notices: list[str]) -> Value | None:
    try:
        return read()
    except CheckpointError as error:
        notices.append(f"{error}; it is left out")
        return None


def _bad_entries(metrics: Mapping[str, Any], config: ModelConfig) -> dict[str, str]:
    """Entry -> how it differs from what this project writes."""
    bad = {}
    for name, kind in get_type_hints(_Metrics).items():
        if name in metrics:
            try:
                entry = built(kind, metrics[name], name)
                if name == "alignment":
                    _require_head(entry, config)
            except ValueError as error:
                bad[name] = str(error)
    return bad


def require_whole(folder: Path, config: ModelConfig) -> None:
    """Check that metrics.json and card.md can be read completely, so that a rewrite loses nothing.

    Raises:
        CheckpointError: if one of them exists and cannot be read completely.
    """
    read_card(folder)
    for problem in _bad_entries(read_metrics(folder), config).values():
        raise CheckpointError(
            f"{folder / METRICS} cannot be read completely: {problem}; repair it, or remove it"
        )


def _require_head(alignment: _Alignment, config: ModelConfig) -> None:
    if not alignment.keys() & {"alignment_error_rate", "agreement"}:
        raise ValueError("alignment needs an alignment_error_rate or an agreement")
    for name, most in (("layer", config.n_decoder_layers), ("head", config.n_heads)):
        number = alignment[name]  # type: ignore[literal-required]
        if not 1 <= number <= most:
            raise ValueError(f"alignment.{name} must be from 1 to {most}, not {number}")


def read_metrics(folder: Path) -> dict[str, Any]:
    """The content of a checkpoint's metrics.json; empty if its folder has no such file.

    Raises:
        CheckpointError: if the file is not a JSON object.
    """
    file = folder / METRICS
    if not file.exists():
        return {}
    try:
        values = read_json(file)
    except ValueError as error:
        raise CheckpointError(f"{file} cannot be used: {error}") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{file} cannot be used: it must hold a JSON object")
    return values


def read_card(folder: Path) -> str:
    """A checkpoint's card; empty if its folder has none.

    Raises:
        CheckpointError: if the file cannot be read.
    """
    file = folder / CARD
    try:
        return read_text(file) if file.exists() else ""
    except ValueError as error:
        raise CheckpointError(f"{file} cannot be used: {error}") from None


def read_history(file: Path) -> Iterator[dict[str, Any]]:
    """The reports in a history file; an incomplete last line is skipped.

    Raises:
        CheckpointError: if the file cannot be read, a line before the last is not a JSON object, or
            there are more reports, or more different fields in them, than any training writes.
    """
    if not file.exists():
        return
    try:
        lines = read_text(file, MOST_HISTORY_BYTES).splitlines()
    except ValueError as error:
        raise CheckpointError(f"{file} cannot be used: {error}") from None
    if len(lines) > MOST_REPORTS:
        raise CheckpointError(f"{file} has {len(lines):,} lines; {MOST_REPORTS:,} is the most")
    fields: set[str] = set()
    for number, line in enumerate(lines, start=1):
        try:
            report = parse_json(line)
            if not isinstance(report, dict):
                raise ValueError("it is not a JSON object")
        except ValueError as error:
            if number == len(lines):
                return
            raise CheckpointError(f"{file}, line {number}: {error}") from None
        fields.update(report)
        if len(fields) > MOST_FIELDS:
            raise CheckpointError(
                f"{file}, line {number}: the reports have more than {MOST_FIELDS} different fields"
            )
        yield report
