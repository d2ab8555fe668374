"""What Training shows is what was reported, and what the weights of each step make of a sentence."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace
from core.config import SearchConfig
from explorer.figures.head import piece_labels
from tests.checkpoints import SENTENCE, reports, write_checkpoint, write_history, write_timeline
from tests.explorer.apart import held, traced
from tests.explorer.pages import LATE, PROMPT, Shelf, charts, shelf
from tests.explorer.readings import (
    assert_shown,
    first_map,
    frame,
    labels,
    numbers,
    said,
    translations,
)

__all__ = ["shelf"]

STEPS = (9, 90)
RUNS = {"prompt": (3, 1.0), "other": (4, 0.5)}
"""Histories: how many validations, and the scale of the loss."""


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    write_checkpoint(shelf.root / "late", metrics=LATE)
    write_timeline(write_checkpoint(shelf.root / "prompt", metrics=PROMPT), *STEPS)
    for name, (n, scale) in RUNS.items():
        write_history(shelf.root / name, reports(n, scale=scale))
    return shelf.root / "prompt"


def opened(shelf: Shelf, **more: str) -> AppTest:
    return shelf("training", text=SENTENCE, model="prompt", **more)


def reported(name: str, field: str, across: str) -> tuple[list[float], list[float]]:
    n, scale = RUNS[name]
    pairs = [(of[across], of[field]) for of in reports(n, scale=scale) if field in of]
    return [x for x, _ in pairs], [y for _, y in pairs]


CURVES: list[list[tuple[str, str]]] = [
    [("", "loss_nats")], [("", "perplexity")], [(", a", "bleu_a"), (", b", "bleu_b")],
    [("", "rate")],
]  # fmt: skip
"""Of each chart: what follows the training's name, and the field of its reports."""


@pytest.mark.parametrize("across", ["step", "tokens"])
def test_every_curve_is_its_trainings_own(shelf: Shelf, across: str) -> None:
    page = opened(shelf, runs="other,prompt", across=across)
    for chart, fields in zip(charts(page)[:4], CURVES, strict=True):
        expected = [
            (f"{name}{suffix}", *reported(name, field, across))
            for name in ("other", "prompt")
            for suffix, field in fields
        ]
        shown = [
            (of["name"], numbers(of["x"]).tolist(), numbers(of["y"]).tolist())
            for of in chart["data"]
        ]
        assert shown == expected
        colours = {of["name"].split(",")[0]: of["line"]["color"] for of in chart["data"]}
        assert len(set(colours.values())) == 2
        dashes = [of["line"]["dash"] for of in chart["data"]]
        assert dashes == ["solid", "dot"][: len(fields)] * 2


def test_axes_are_named_and_logarithmic_as_chosen(shelf: Shelf) -> None:
    page = opened(shelf, across="tokens", log_x="1")
    for chart, unit in zip(
        charts(page)[:4],
        ("nats a target piece", "perplexity a piece", "BLEU", "rate"),
        strict=True,
    ):
        layout = chart["layout"]
        assert layout["xaxis"]["type"] == "log"
        assert layout["yaxis"]["type"] == "linear"
        assert layout["xaxis"]["title"]["text"] == "source and target tokens seen"
        assert layout["yaxis"]["title"]["text"] == unit


def test_the_table_says_where_each_training_stands(shelf: Shelf) -> None:
    table = frame(opened(shelf, runs="other,prompt"), "training")
    for line, name in zip(table.to_dict("records"), ("other", "prompt"), strict=True):
        n, scale = RUNS[name]
        perplexities = reported(name, "perplexity", "step")[1]
        lowest = int(np.argmin(perplexities))
        assert line == pytest.approx({
            "training": name, "step": 50 * n, "M tokens": 4_000 * n / 1e6, "hours": 36 * n / 3600,
            "last loss": scale * 6 / n, "lowest perplexity": perplexities[lowest],
            "at step": 50 * (lowest + 1), "last bleu a": 10.0 * n, "last bleu b": 0.0,
        })  # fmt: skip


def shown_head(page: AppTest) -> dict[str, Any]:
    return charts(page)[-1]


@pytest.mark.parametrize("is_held", ["1", "0"])
@pytest.mark.parametrize("step", [0, *STEPS])
def test_the_head_is_that_of_the_step_with_its_own_rows(
    shelf: Shelf, folder: Path, step: int, is_held: str
) -> None:
    page = opened(shelf, snapshot=str(step), held=is_held)
    if step == 0:
        expected = traced(folder)
    else:
        expected = held(folder, step=step) if is_held == "1" else traced(folder, step=step)
    place, chart = HeadPlace("cross", 2, 1), shown_head(page)
    assert_shown(first_map(chart), place.of(expected.weights))
    consumed = piece_labels(piece.name for piece in expected.consumed)
    produced = piece_labels(piece.name for piece in expected.target.pieces)
    assert labels(chart, "yaxis") == [f"{c} → {p}" for c, p in zip(consumed, produced, strict=True)]
    assert labels(chart, "xaxis") == piece_labels(p.name for p in expected.source.pieces)
    name = f"step {step}" if step else "finished"
    assert f"**{place.name} (best-aligned), {name}**" in said(page)


def test_the_finished_translation_is_held_to_its_end(shelf: Shelf, folder: Path) -> None:
    """Pieces that end with </s>: a step that is not held there would write on."""
    page = opened(shelf, snapshot="9", prefix="300.301.302.3")
    expected = traced(folder, prefix=(300, 301, 302, 3), step=9)
    assert len(expected.steps) == 4
    assert_shown(first_map(shown_head(page)), HeadPlace("cross", 2, 1).of(expected.weights))


def mean_probability(trace: Trace) -> float:
    return math.exp(np.mean([step.log_probability_nats for step in trace.steps]))


@pytest.mark.parametrize("snapshot", ["0", "9"])
def test_each_step_has_its_own_translation_and_its_share(
    shelf: Shelf, folder: Path, snapshot: str
) -> None:
    page = opened(shelf, snapshot=snapshot)
    traces = {step: traced(folder, step=step) for step in (*STEPS, 0)}
    shown = translations(page)
    for words, (step, trace) in zip(shown, traces.items(), strict=True):
        assert [word.strip("[]") for word in words] == [
            word.strip("[]") for word in trace.target.text.split()
        ]
        name = f"Step {step}" if step else "Finished"
        mark = " ← on show" if str(step) == snapshot else "\n"
        assert f"**{name}**, {mean_probability(trace):.0%} a piece{mark}" in f"{said(page)}\n"
    finished = set(traces[0].target.text.split())
    for words, trace in zip(shown, traces.values(), strict=True):
        for word, plain in zip(words, trace.target.text.split(), strict=True):
            if plain not in finished:
                assert word == f"[{plain}]"
        if trace is traces[0]:
            assert words == trace.target.text.split()


def test_the_search_holds_for_every_step(shelf: Shelf, folder: Path) -> None:
    page = opened(shelf, method="greedy")
    greedy = SearchConfig(method="greedy")
    traces = [traced(folder, step=step, search=greedy) for step in (*STEPS, 0)]
    for words, trace in zip(translations(page), traces, strict=True):
        assert [word.strip("[]") for word in words] == [
            word.strip("[]") for word in trace.target.text.split()
        ]


def test_the_usual_training_is_the_one_that_made_the_model(shelf: Shelf) -> None:
    assert opened(shelf).multiselect(key="choose_runs").value == ["prompt"]
