"""The table of `core.experiments.table3.table`, made from the folders of the finished rows."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from core.evaluation.bootstrap import Statistics, corpus_score, load_statistics, paired_difference
from core.experiments.table3.rows import BASE, METRICS, SEEDS, SENTENCES, TEST, is_finished
from core.experiments.table3.speeds import Speed, read_speeds
from core.experiments.table3.table import (
    SCORES,
    TEXTS,
    DifferenceToBase,
    IntervalScore,
    Table,
    VariantScores,
    verdict,
)

ByText = Mapping[str, Mapping[str, Statistics]]
Value = TypeVar("Value")


def collect(table: Table, output: Path) -> Table:
    """The table with the scores of every variant that has a finished folder in `output`."""
    folders = {row.name: output / row.name for row in table.rows if is_finished(output / row.name)}
    statistics = {name: load_statistics(folder / SENTENCES) for name, folder in folders.items()}
    spread = _seed_spread(statistics)
    speeds = read_speeds(output)

    def measured(name: str) -> VariantScores | None:
        if name not in folders:
            return None
        compared = BASE.name in folders and name != BASE.name
        against = (
            _by_text_and_score(
                lambda text, score: _comparison(
                    score,
                    statistics[name][text][score],
                    statistics[BASE.name][text][score],
                    spread[text][score] if spread else None,
                )
            )
            if compared
            else {}
        )
        speed = speeds.rows.get(BASE.name if name in SEEDS else name) if speeds else None
        return _measured(folders[name], against, speed)

    rows = tuple(dataclasses.replace(row, measured=measured(row.name)) for row in table.rows)
    whole = dataclasses.replace(table, rows=rows, seed_spread=spread)
    return dataclasses.replace(whole, speeds=speeds.how) if speeds else whole


def _by_text_and_score(value: Callable[[str, str], Value]) -> dict[str, dict[str, Value]]:
    return {text: {score: value(text, score) for score in SCORES} for text in TEXTS}


def _seed_spread(statistics: Mapping[str, ByText]) -> dict[str, dict[str, float]]:
    """Highest minus lowest score of the seeds; None until all of them are trained."""
    if not set(SEEDS) <= set(statistics):
        return {}

    def spread(text: str, score: str) -> float:
        values = [corpus_score(score, statistics[seed][text][score]) for seed in SEEDS]
        return max(values) - min(values)

    return _by_text_and_score(spread)


def _comparison(
    score: str, row: Statistics, base: Statistics, seed_spread: float | None
) -> DifferenceToBase:
    found = paired_difference(score, row, base)
    return DifferenceToBase(
        difference=found.value,
        interval_95=found.interval_95,
        p_value=found.p_value,
        verdict=verdict(found.value, found.interval_95, seed_spread),
    )


def _measured(
    folder: Path, against_base: dict[str, dict[str, DifferenceToBase]], speed: Speed | None
) -> VariantScores:
    """Without a speed measured in turn: as it was when the row was trained, and scored."""
    metrics = json.loads((folder / METRICS).read_text("utf-8"))
    training, weights = metrics["training"], folder / "model.safetensors"
    speed = speed or Speed(
        training["tokens_per_s"], metrics["results"][TEST]["decoding_tokens_per_s"]
    )
    return VariantScores(
        steps=training["steps"],
        best_step=training["best_step"],
        tokens_seen=training["tokens_seen"],
        training_tokens_per_s=speed.training_tokens_per_s,
        decoding_tokens_per_s=speed.decoding_tokens_per_s,
        hardware=metrics["hardware"],
        weights_sha256=hashlib.sha256(weights.read_bytes()).hexdigest()
        if weights.is_file()
        else None,
        scores=_scores(metrics["results"]),
        final_scores=_scores(metrics["final"]["results"]),
        against_base=against_base,
    )


def _scores(results: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, IntervalScore]]:
    return _by_text_and_score(
        lambda text, score: IntervalScore(
            results[text][score], tuple(results[text]["intervals_95"][score])
        )
    )
