"""What Table 3 shows is each row's own: cells, points, translations, heads."""

import dataclasses
import html
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.head_place import HeadPlace
from core.analysis.heads.best import covering_head
from core.config import SearchConfig
from core.experiments.table3.presets import PRESETS
from core.experiments.table3.rows import TEST, VALIDATION
from core.experiments.table3.table import (
    DifferenceToBase,
    IntervalScore,
    Table,
    VariantScores,
)
from core.system.files import write_json
from explorer.figures.axes import signed
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.tables import BASE, made_up_table
from tests.explorer.apart import traced
from tests.explorer.pages import LATE, Shelf, charts, shelf
from tests.explorer.readings import (
    assert_levels,
    components,
    frame,
    markup,
    numbers,
    said,
    tiles,
    translations,
)

__all__ = ["shelf"]

LOADED: dict[str, dict[str, Any]] = {
    "base": {"n_encoder_layers": 2, "n_decoder_layers": 2, "n_heads": 3, "metrics": LATE},
    "A-h1": {"n_encoder_layers": 2, "n_decoder_layers": 2, "n_heads": 1},
    "C-N2": {"n_encoder_layers": 1, "n_decoder_layers": 1, "n_heads": 3},
    "D-drop0.0": {"n_encoder_layers": 3, "n_decoder_layers": 3, "n_heads": 16},
    "big": {"d_model": 28},
}
TRAINED = ("base", "A-h1", "A-h4", "C-N2", "base-seed2")
VERDICTS = ("higher", "lower", "no difference shown", "not judged yet")


def score(number: int, text: str, name: str) -> float:
    """Another number for every row, text and score."""
    by_name = {"perplexity": 5.0, "bleu": 30.0, "bleu_lc": 50.0}
    return by_name[name] + number + (0.5 if text == TEST else 0.0)


def measured(number: int) -> VariantScores:
    """Another number in every place; intervals that are not even around their scores."""
    scores, against = {}, {}
    for text in (VALIDATION, TEST):
        scores[text] = {
            name: IntervalScore(value, (value - 0.25, value + 0.75))
            for name in ("perplexity", "bleu", "bleu_lc")
            for value in [score(number, text, name)]
        }
        against[text] = {
            name: DifferenceToBase(
                value, (value - 0.5, value + 0.25), 0.001 * number, VERDICTS[(number + n) % 4]  # type: ignore[arg-type]
            )
            for n, name in enumerate(("perplexity", "bleu", "bleu_lc"))
            for value in [score(number, text, name) - score(0, text, name) - 2.5 * n]
        }  # fmt: skip
    return dataclasses.replace(
        BASE, scores=scores, against_base=against if number else {}, steps=9_000 + number,
        best_step=8_000 + number, tokens_seen=(12 + number) * 1_000_000,
        training_tokens_per_s=7_000.0 + number, decoding_tokens_per_s=900.0 + number,
        weights_sha256=f"{number}ba5e",
    )  # fmt: skip


def made_up() -> Table:
    table = made_up_table()
    of = {name: measured(number) for number, name in enumerate(TRAINED)}
    rows = (dataclasses.replace(row, measured=of.get(row.name)) for row in table.rows)
    return dataclasses.replace(table, rows=tuple(rows))


@pytest.fixture(scope="module", autouse=True)
def folder(shelf: Shelf) -> Path:
    for name, shape in LOADED.items():
        write_checkpoint(shelf.root / "table3" / name, **shape)
    (shelf.root / "table3" / "table.json").write_text(write_json(made_up().to_json()))
    return shelf.root / "table3"


def opened(shelf: Shelf, **more: str) -> AppTest:
    return shelf("table3", text=SENTENCE, **more)


COLUMNS = ("N", "d_model", "d_ff", "h", "d_k", "d_v", "P_drop", "ε_ls", "positions",
           "paper steps", "paper PPL", "paper BLEU", "paper params",
           "params", "PPL", "BLEU", "ΔPPL", "ΔBLEU")  # fmt: skip

Cell = tuple[str, list[str], str]
"""What stands in a cell, in small print, and when it is pointed at."""


def cells(page: AppTest) -> dict[str, dict[str, Cell]]:
    """Row -> column -> cell; a wide cell stands in its first column."""
    body = next(body for body in markup(page) if 'class="paper-table"' in body)
    found = {}
    for line in re.findall(r'<tr><th scope="row"(.*?)</tr>', body):
        name = html.unescape(re.findall(r">(.*?)</th>", line)[0])
        column, row = 0, {}
        for attributes, inner in re.findall(r"<td(.*?)>(.*?)</td>", line):
            about = re.findall('title="(.*?)"', attributes)
            span = re.findall('colspan="(.*?)"', attributes)
            small = [html.unescape(text) for text in re.findall("<small>(.*?)</small>", inner)]
            text = html.unescape(re.sub("<small>.*?</small>", "", inner))
            row[COLUMNS[column]] = (text, small, html.unescape(about[0]) if about else "")
            column += int(span[0]) if span else 1
        assert column == len(COLUMNS)
        found[name] = row
    return found


def test_columns_are_headed_by_what_is_in_them(shelf: Shelf) -> None:
    body = next(body for body in markup(opened(shelf)) if 'class="paper-table"' in body)
    heads = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', body)
    assert [re.sub("<sub>(.*?)</sub>", r"_\1", head) for head in heads] == [
        "row", *COLUMNS[:9], "train steps", "PPL", "BLEU", "params ×10⁶",
        "params ×10⁶", "PPL", "BLEU", "ΔPPL to base", "ΔBLEU to base",
    ]  # fmt: skip


def test_the_papers_cells_are_the_papers(shelf: Shelf) -> None:
    shown = cells(opened(shelf))
    for name, preset in PRESETS.items():
        row, millions = shown[name], preset.paper.parameters_millions
        assert row["paper PPL"][0] == f"{preset.paper.perplexity:.2f}"
        assert row["paper BLEU"][0] == f"{preset.paper.bleu:.1f}"
        assert row["paper params"][0] == (f"{millions:g}" if millions else "")
        steps = f"{preset.n_steps // 1000}K" if name in ("base", "big") else ""
        assert row["paper steps"][0] == steps
        assert f"{name} in the paper" in row["paper PPL"][2]
        assert f"for {preset.n_steps:,} steps" in row["paper PPL"][2]


JUDGED = {"PPL": ("perplexity", VALIDATION, 2, "higher"), "BLEU": ("bleu", TEST, 1, "lower")}
"""Score, text, digits, and the verdict that means worse."""


def test_our_cells_are_the_rows_own_scores(shelf: Shelf) -> None:
    shown = cells(opened(shelf))
    for number, name in enumerate(TRAINED):
        of = measured(number)
        for column, (score_name, text, digits, _) in JUDGED.items():
            value = score(number, text, score_name)
            assert shown[name][column][:2] == (
                f"{value:.{digits}f}", [f"[{value - 0.25:.{digits}f}, {value + 0.75:.{digits}f}]"],
            )  # fmt: skip
            assert f"{name} here: " in shown[name][column][2]
            assert (
                f"for {of.steps:,} steps, {of.tokens_seen / 1e6:.1f} million tokens"
                in (shown[name][column][2])
            )
            assert f"weights of step {of.best_step:,}" in shown[name][column][2]
    for name in set(shown) - set(TRAINED):
        assert shown[name]["PPL"][0] == "not trained yet"


def test_differences_to_base_are_the_rows_own_and_say_what_they_mean(shelf: Shelf) -> None:
    shown = cells(opened(shelf))
    for number, name in enumerate(TRAINED[1:], start=1):
        for column, (score_name, text, _, worse) in JUDGED.items():
            of = measured(number).against_base[text][score_name]
            low, high = (signed(end, plus=True) for end in of.interval_95)
            meaning = of.verdict
            if of.verdict in ("higher", "lower"):
                meaning = f"{of.verdict}: {'worse' if of.verdict == worse else 'better'}"
            expected = (signed(of.difference, plus=True), [f"[{low}, {high}]", meaning])
            assert shown[name][f"Δ{column}"][:2] == expected
            assert (
                f"{name} minus base, both trained here; p = {of.p_value:.3f}"
                == (shown[name][f"Δ{column}"][2])
            )
    assert shown["base"]["ΔPPL"][0] == shown["base"]["ΔBLEU"][0] == ""


def test_sizes_are_the_rows_own(shelf: Shelf) -> None:
    shown = cells(opened(shelf))
    rows = {row.name: row for row in made_up().rows}
    fields = ("n_layers", "d_model", "d_ff", "n_heads", "d_k", "d_v", "p_dropout",
              "label_smoothing")  # fmt: skip
    for name, row in rows.items():
        for column, field in zip(COLUMNS, fields, strict=False):
            text, small, _ = shown[name][column]
            ours = f"{getattr(row.sizes, field):g}"
            is_as_base = getattr(row.sizes, field) == getattr(rows["base"].sizes, field)
            if name == "base" or not is_as_base:
                assert (small or [text]) == [ours], (name, field)
            elif not text:
                assert small == []
        assert shown[name]["params"][0] == f"{row.sizes.parameters / 1e6:.2f}"
    assert shown["A-h4"]["h"][:2] == ("4", [])
    assert shown["A-h4"]["d_k"][:2] == ("128", ["32"])
    assert shown["big"]["d_model"][:2] == ("1024", ["256"])


def points(chart: dict[str, Any]) -> dict[str, tuple[float, float, float, float]]:
    """Model -> its place, and how far its bar goes up and down."""
    found = {}
    for data in chart["data"]:
        bars = data["error_y"]
        for place in zip(
            [name for name, _ in data["customdata"]],
            numbers(data["x"]), numbers(data["y"]), bars["array"], bars["arrayminus"], strict=True,
        ):  # fmt: skip
            found[place[0]] = tuple(float(number) for number in place[1:])
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("quality", ["bleu", "perplexity"])
def test_every_point_stands_at_its_rows_numbers(shelf: Shelf, quality: str) -> None:
    paper, by_size, by_speed = charts(opened(shelf, quality=quality))
    assert points(paper) == {
        name: (of.paper.parameters_millions or 65, getattr(of.paper, quality), 0, 0)
        for name, of in PRESETS.items()
    }
    text = VALIDATION if quality == "perplexity" else TEST
    rows = {row.name: row for row in made_up().rows}
    for chart, across in (
        (by_size, lambda name, _: rows[name].sizes.parameters / 1e6),
        (by_speed, lambda _, number: 900.0 + number),
    ):
        assert points(chart) == {
            name: pytest.approx((across(name, n), score(n, text, quality), 0.75, 0.25))
            for n, name in enumerate(TRAINED)
        }
    words = {"bleu": f"BLEU on {TEST}", "perplexity": f"perplexity on {VALIDATION}"}
    for chart in (by_size, by_speed):
        assert chart["layout"]["yaxis"]["title"]["text"] == words[quality]
    better = {"bleu": "Higher", "perplexity": "Lower"}[quality]
    assert f"{better} is better." in said(opened(shelf, quality=quality))


def test_how_each_was_trained_is_told_line_by_line(shelf: Shelf) -> None:
    table = frame(opened(shelf), "trained with").set_index("row")
    for number, name in enumerate(TRAINED):
        line = table.loc[name]
        assert f"for {9_000 + number:,} steps, {12 + number}.0 million tokens" in line["how"]
        assert line["training tokens/s"] == 7_000 + number
        assert line["decoding tokens/s"] == 900 + number
        assert line["weights (SHA-256)"] == f"{number}ba5e"
    assert table.loc["A-h4"]["trained with"] == "h = 4, d_k = 32, d_v = 32"


ROWS = ("A-h1", "base", "C-N2", "D-drop0.0")
COMPARED = {"compared": ",".join(ROWS)}


def test_each_row_translates_with_its_own_model(shelf: Shelf, folder: Path) -> None:
    page = opened(shelf, **COMPARED)
    traces = [traced(folder / row) for row in ROWS]
    shown = translations(page)
    base = traces[1].target.text.split()
    assert len({trace.target.text for trace in traces}) == len(ROWS)
    for row, words, trace in zip(ROWS, shown, traces, strict=True):
        assert [word.strip("[]") for word in words] == [
            word.strip("[]") for word in trace.target.text.split()
        ]
        for word, plain in zip(words, trace.target.text.split(), strict=True):
            if plain not in base:
                assert word == f"[{plain}]"
            if row == "base":
                assert word == plain
        mean = math.exp(np.mean([step.log_probability_nats for step in trace.steps]))
        how = (
            f"; trained on Multi30k for {9_000 + TRAINED.index(row):,} steps"
            if row in TRAINED
            else "]"
        )
        assert f"{mean:.0%} a piece{how}" in said(page)
    assert "**A-h1**, trained with h = 1, d_k = 128, d_v = 128" in said(page)


def test_each_row_shows_its_own_heads(shelf: Shelf, folder: Path) -> None:
    shown = components(opened(shelf, **COMPARED), "attention_overview")
    for row, data in zip(ROWS, shown, strict=True):
        trace = traced(folder / row)
        meta, levels = tiles(data)
        assert_levels(levels, trace.weights["cross"])
        best = covering_head(trace).place if row != "base" else HeadPlace("cross", 1, 2)
        assert meta["chosen"] == [best.layer_number, best.head_number]


def test_the_search_holds_for_every_row(shelf: Shelf, folder: Path) -> None:
    shown = translations(opened(shelf, compared="A-h1,C-N2", method="greedy"))
    for row, words in zip(("A-h1", "C-N2"), shown, strict=True):
        trace = traced(folder / row, search=SearchConfig(method="greedy"))
        assert [word.strip("[]") for word in words] == [
            word.strip("[]") for word in trace.target.text.split()
        ]
