"""What Training shows is what was reported, and what the weights of each step make of a sentence."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import BestHead
from core.analysis.heads.word_attention import aligned_words
from core.analysis.trace.trace import Trace
from core.config import SearchConfig
from core.system.text_tables import csv_table
from explorer.app_pages.training.timeline import name_of, played_words, table_of
from explorer.components.player.component import HeadRows, Moment
from explorer.figures.colours import weight_palette
from explorer.figures.head import piece_labels
from tests.checkpoints import SENTENCE, reports, write_checkpoint, write_history, write_timeline
from tests.explorer.apart import held, traced
from tests.explorer.pages import LATE, PROMPT, Shelf, charts, shelf
from tests.explorer.readings import (
    assert_sent,
    components,
    frame,
    numbers,
    unpacked,
)

__all__ = ["shelf"]

STEPS = (9, 90)
BEST = BestHead(HeadPlace("cross", 2, 1), "produced", "best-aligned", "aligns best")
ROWS = HeadRows(np.zeros((1, 1)), ["a"], [0])
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


UNITS = ("nats per target piece", "perplexity per piece", "BLEU", "rate")


@pytest.mark.parametrize("log_y", ["1", "0"])
def test_axes_are_named_and_logarithmic_as_chosen(shelf: Shelf, log_y: str) -> None:
    """The loss is a logarithm already, so the switch is for the perplexity alone."""
    page = opened(shelf, across="tokens", log_x="1", log_y=log_y)
    for chart, unit in zip(charts(page), UNITS, strict=True):
        layout = chart["layout"]
        assert layout["xaxis"]["type"] == "log"
        is_log = unit == "perplexity per piece" and log_y == "1"
        assert layout["yaxis"]["type"] == ("log" if is_log else "linear")
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


def test_the_perplexity_is_logarithmic_unless_the_reader_wants_another(shelf: Shelf) -> None:
    assert charts(opened(shelf))[1]["layout"]["yaxis"]["type"] == "log"


def test_the_moments_of_the_film_are_marked_on_its_own_curves_alone(shelf: Shelf) -> None:
    lines = [line["x0"] for line in charts(opened(shelf))[0]["layout"]["shapes"]]
    assert lines == list(STEPS)
    for more in ({"runs": "other"}, {"across": "tokens"}):
        assert "shapes" not in charts(opened(shelf, **more))[0]["layout"]


def film(page: AppTest) -> tuple[dict[str, Any], bytes]:
    (data,) = components(page, "training_player")
    return unpacked(data)


def moment(page: AppTest, step: int) -> dict[str, Any]:
    return next(of for of in film(page)[0]["moments"] if of["step"] == step)  # type: ignore[no-any-return]


def assert_drawn(page: AppTest, step: int, rows: str, weights: NDArray[Any]) -> None:
    _, values = film(page)
    part = moment(page, step)[rows]
    assert len(part["labels"]) == len(weights)
    assert_sent(values, part["at"], weights)


@pytest.mark.parametrize("rows", ["held", "own"])
@pytest.mark.parametrize("step", [0, *STEPS])
def test_the_head_is_that_of_the_step_with_its_own_rows(
    shelf: Shelf, folder: Path, step: int, rows: str
) -> None:
    page = opened(shelf)
    if step == 0:
        expected = traced(folder)
    else:
        expected = held(folder, step=step) if rows == "held" else traced(folder, step=step)
    place = HeadPlace("cross", 2, 1)
    assert_drawn(page, step, rows, place.of(expected.weights))
    consumed = piece_labels(piece.name for piece in expected.consumed)
    produced = piece_labels(piece.name for piece in expected.target.pieces)
    part = moment(page, step)[rows]
    assert part["labels"] == [f"{c} → {p}" for c, p in zip(consumed, produced, strict=True)]
    assert part["words"] == [piece.word for piece in expected.target.pieces]
    assert [of["text"] for of in film(page)[0]["source"]] == piece_labels(
        piece.name for piece in expected.source.pieces
    )
    assert film(page)[0]["head"] == f"{place.name} (best-aligned)"


def test_the_finished_translation_is_held_to_its_end(shelf: Shelf, folder: Path) -> None:
    """Pieces that end with </s>: a step that is not held there would write on."""
    page = opened(shelf, prefix="300.301.302.3")
    expected = traced(folder, prefix=(300, 301, 302, 3), step=9)
    assert len(expected.steps) == 4
    assert_drawn(page, 9, "held", HeadPlace("cross", 2, 1).of(expected.weights))


def test_the_palette_and_the_weights_do_not_overlap(shelf: Shelf) -> None:
    meta, values = film(opened(shelf))
    starts = sorted(of[rows]["at"] for of in meta["moments"] for rows in ("held", "own"))
    assert starts[0] == len(weight_palette())
    assert values[: starts[0]] == weight_palette()


def words(of: dict[str, Any]) -> list[str]:
    return [word["text"] for word in of["words"] for _ in range(word["times"])]


def mean_probability(trace: Trace) -> float:
    return math.exp(np.mean([step.log_probability_nats for step in trace.steps]))


def test_each_moment_has_its_own_translation_and_its_share(shelf: Shelf, folder: Path) -> None:
    page, before = opened(shelf), None
    assert [of["step"] for of in film(page)[0]["moments"]] == [*STEPS, 0]
    for step in (*STEPS, 0):
        trace, shown = traced(folder, step=step), moment(page, step)
        assert words(shown) == trace.target.text.split()
        assert shown["probability"] == pytest.approx(mean_probability(trace))
        assert shown["name"] == (f"step {step}" if step else "finished")
        for word in shown["words"]:
            if before is None:
                assert not word["is_new"]
            elif word["text"] not in before:
                assert word["is_new"]
        before = words(shown)


def test_each_word_is_linked_by_the_head_of_its_moment(shelf: Shelf, folder: Path) -> None:
    for step in (*STEPS, 0):
        trace = traced(folder, step=step)
        links = aligned_words(trace, HeadPlace("cross", 2, 1), rows="produced")
        source = [link.source_word for link in links]
        shown, place = moment(opened(shelf), step)["words"], 0
        for word in shown:
            assert word["source_word"] == source[place]
            assert word["gloss"] == trace.source.words[source[place]].text.strip(".,;:!?")
            place += word["times"]


def test_the_search_holds_for_every_step(shelf: Shelf, folder: Path) -> None:
    page = opened(shelf, method="greedy")
    greedy = SearchConfig(method="greedy")
    for step in (*STEPS, 0):
        trace = traced(folder, step=step, search=greedy)
        assert words(moment(page, step)) == trace.target.text.split()


def test_the_film_opens_on_the_moment_of_the_link_else_on_the_first(shelf: Shelf) -> None:
    assert film(opened(shelf))[0]["view"] == {"snapshot": 9, "held": True}
    assert film(opened(shelf, snapshot="90", held="0"))[0]["view"] == {
        "snapshot": 90, "held": False,
    }  # fmt: skip
    assert film(opened(shelf, snapshot="0"))[0]["view"]["snapshot"] == 0


def test_the_table_of_moments_has_every_translation(shelf: Shelf, folder: Path) -> None:
    labels = [of.proto.label for of in opened(shelf).get("download_button")]
    assert (
        labels.count("CSV") == labels.count("LaTeX") == 4
    )  # moments, trainings, links, self-check
    moments = [
        Moment(
            step,
            name_of(step),
            mean_probability(trace),
            played_words(trace, None, BEST),
            ROWS,
            ROWS,
        )
        for step in (*STEPS, 0)
        for trace in [traced(folder, step=step)]
    ]
    lines = list(csv.reader(io.StringIO(csv_table(table_of(moments)))))
    assert lines[0] == ["moment", "probability per piece", "translation"]
    for line, step in zip(lines[1:], (*STEPS, 0), strict=True):
        trace = traced(folder, step=step)
        assert line[2] == " ".join(trace.target.text.split())
        assert float(line[1]) == pytest.approx(mean_probability(trace), abs=0.0006)


def test_the_usual_training_is_the_one_that_made_the_model(shelf: Shelf) -> None:
    assert opened(shelf).multiselect(key="choose_runs").value == ["prompt"]
