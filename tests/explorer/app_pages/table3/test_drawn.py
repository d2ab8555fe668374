"""What Table 3 shows is each row's own: cells, points, translations, heads."""

import csv
import dataclasses
import html
import io
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
from core.experiments.table3.report import report
from core.experiments.table3.rows import TEST, VALIDATION
from core.experiments.table3.table import (
    DifferenceToBase,
    IntervalScore,
    Table,
    VariantScores,
)
from core.system.files import write_json
from explorer.app_pages.table3.cells import table_rows
from explorer.app_pages.table3.likeness import REFERENCES
from explorer.choice.examples import CAPTION
from explorer.engine.table3 import read_family
from explorer.figures.axes import signed
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.tables import BASE, made_up_table
from tests.explorer.apart import traced
from tests.explorer.pages import LATE, Shelf, charts, shelf
from tests.explorer.readings import (
    assert_levels,
    components,
    markup,
    numbers,
    said,
    tiles,
    words_in,
)
from tests.test_table3 import FOLDER

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


def table(page: AppTest) -> dict[str, Any]:
    (data,) = components(page, "table3")
    return data  # type: ignore[no-any-return]


def rows(page: AppTest) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in table(page)["rows"]}


def test_columns_are_headed_by_what_is_in_them(shelf: Shelf) -> None:
    heads = [(of["group"], of["title"], of["key"]) for of in table(opened(shelf))["columns"]]
    assert heads == [
        ("Trained here, minus base", "PPL", "perplexity_change"),
        ("Trained here, minus base", "BLEU", "bleu_change"),
        ("Trained here", "PPL", "perplexity"),
        ("Trained here", "BLEU", "bleu"),
        ("Trained here", "M params", "parameters"),
        ("The paper", "PPL", "paper_perplexity"),
        ("The paper", "BLEU", "paper_bleu"),
        ("The paper", "M params", "paper_parameters"),
        ("Size", "paper", "paper_size"),
        ("Size", "here", "size"),
    ]


def test_the_papers_cells_are_the_papers(shelf: Shelf) -> None:
    shown = rows(opened(shelf))
    for name, preset in PRESETS.items():
        cells, millions = shown[name]["cells"], preset.paper.parameters_millions
        assert cells["paper_perplexity"]["text"] == f"{preset.paper.perplexity:.2f}"
        assert cells["paper_bleu"]["text"] == f"{preset.paper.bleu:.1f}"
        assert cells.get("paper_parameters", {}).get("number") == millions
        assert f"{name} in the paper" in cells["paper_bleu"]["about"]
        assert f"for {preset.n_steps:,} steps" in cells["paper_bleu"]["about"]


JUDGED = {"perplexity": (VALIDATION, 2, "higher"), "bleu": (TEST, 1, "lower")}
"""Of each score: text, digits, and the verdict that means worse."""


def test_our_cells_are_the_rows_own_scores(shelf: Shelf) -> None:
    shown = rows(opened(shelf))
    for number, name in enumerate(TRAINED):
        of = measured(number)
        for key, (text, digits, _) in JUDGED.items():
            value, cell = score(number, text, key), shown[name]["cells"][key]
            assert (cell["text"], cell["number"]) == (f"{value:.{digits}f}", value)
            assert f"[{value - 0.25:.{digits}f}, {value + 0.75:.{digits}f}]" in cell["about"]
            assert f"{name} here: " in cell["about"]
            assert (
                f"for {of.steps:,} steps, {of.tokens_seen / 1e6:.1f} million tokens"
                in (cell["about"])
            )
            assert f"weights of step {of.best_step:,}" in cell["about"]
    for name in set(shown) - set(TRAINED):
        assert shown[name]["cells"]["perplexity_change"]["text"] == "not trained yet"
        assert "perplexity" not in shown[name]["cells"]


def test_differences_to_base_are_the_rows_own_and_say_what_they_mean(shelf: Shelf) -> None:
    shown = rows(opened(shelf))
    for number, name in enumerate(TRAINED[1:], start=1):
        for key, (text, digits, worse) in JUDGED.items():
            of = measured(number).against_base[text][key]
            drawn = shown[name]["differences"][f"{key}_change"]
            assert (drawn["value"], drawn["low"], drawn["high"]) == (of.difference, *of.interval_95)
            assert drawn["text"] == signed(of.difference, digits, plus=True)
            assert f"p = {of.p_value:.3f}: {of.verdict}" in drawn["about"]
            means = {"no difference shown": "same", "not judged yet": "unjudged"}
            expected = means.get(of.verdict) or ("worse" if of.verdict == worse else "better")
            assert drawn["judgement"] == expected
            paper = PRESETS.get(name)
            there = (
                getattr(paper.paper, key) - getattr(PRESETS["base"].paper, key) if paper else None
            )
            assert drawn["paper"] == (None if there is None else pytest.approx(there))
    assert shown["base"]["differences"] == {}


def test_what_holds_zero_has_no_colour_in_the_bundled_table() -> None:
    """The verdicts of the file and the colours of the page agree with the intervals themselves."""
    ours = dataclasses.replace(read_family(FOLDER.parent), folder=FOLDER)
    n_coloured = 0
    for row in table_rows(ours, frozenset()):
        for key, drawn in row.differences.items():
            is_lower_better = key == "perplexity_change"
            if drawn.low <= 0 <= drawn.high:
                assert drawn.judgement == "same"
            elif drawn.judgement != "same":
                n_coloured += 1
                assert (drawn.judgement == "better") == ((drawn.value < 0) == is_lower_better)
    assert n_coloured > 20


def test_better_is_always_on_the_right(shelf: Shelf) -> None:
    scales = table(opened(shelf))["scales"]
    drawn = [row["differences"] for row in rows(opened(shelf)).values()]
    for key, is_lower_better in (("perplexity_change", True), ("bleu_change", False)):
        found = [of[key] for of in drawn if key in of]
        ends = [end for of in found for end in (of["low"], of["high"], of["paper"] or 0.0, 0.0)]
        assert sorted(scales[key]) == [min(ends), max(ends)]
        assert (scales[key][0] > scales[key][1]) == is_lower_better


def test_sizes_are_the_rows_own(shelf: Shelf) -> None:
    shown = rows(opened(shelf))
    for row in made_up().rows:
        cells = shown[row.name]["cells"]
        assert cells["parameters"]["text"] == f"{row.sizes.parameters / 1e6:.2f}"
    assert shown["A-h4"]["cells"]["size"]["text"] == "h 4"
    assert shown["B-dk16"]["cells"]["size"]["text"] == "d_k 4"
    assert shown["B-dk16"]["cells"]["paper_size"]["text"] == "d_k 16"
    assert shown["big"]["cells"]["paper_size"]["text"] == "d_model 1024 …"


def points(chart: dict[str, Any]) -> dict[str, tuple[float, float, float, float]]:
    """Model -> its cost and score, and how far its bar goes up and down."""
    found = {}
    for data in chart["data"]:
        bars = data["error_y"]
        for (name, _, cost), x, y, up, down in zip(
            data["customdata"], numbers(data["x"]), numbers(data["y"]), bars["array"],
            bars["arrayminus"], strict=True,
        ):  # fmt: skip
            assert x == pytest.approx(cost, rel=0.35)  # those of one cost stand side by side
            found[name] = (float(cost), float(y), float(up), float(down))
    return found


@pytest.mark.parametrize("quality", ["bleu", "perplexity"])
def test_every_point_stands_at_its_rows_numbers(shelf: Shelf, quality: str) -> None:
    by_size, paper, by_speed = charts(opened(shelf, quality=quality))
    assert points(paper) == {
        name: (of.paper.parameters_millions or 65, getattr(of.paper, quality), 0, 0)
        for name, of in PRESETS.items()
    }
    text = VALIDATION if quality == "perplexity" else TEST
    of_row = {row.name: row for row in made_up().rows}
    for chart, across in (
        (by_size, lambda name, _: of_row[name].sizes.parameters / 1e6),
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


def test_how_each_was_trained_is_told_row_by_row(shelf: Shelf) -> None:
    shown = rows(opened(shelf))
    for number, name in enumerate(TRAINED):
        details = dict(shown[name]["details"])
        assert f"for {9_000 + number:,} steps, {12 + number}.0 million" in details["Training"]
        assert details["Training speed"] == f"{7_000 + number:,} tokens/s"
        assert details["Decoding speed"] == f"{900 + number} tokens/s"
        assert details["Weights (SHA-256)"] == f"{number}ba5e"
    assert "h = 4, d_k = 32, d_v = 32" in dict(shown["A-h4"]["details"])["Sizes here"]
    assert [name for name, row in shown.items() if row["can_compare"]] == [
        "base", "A-h1", "C-N2", "D-drop0.0", "big",
    ]  # fmt: skip


def test_csv_and_latex_are_of_the_table_on_the_page(shelf: Shelf) -> None:
    by_label = {of.proto.label: of.proto for of in opened(shelf).get("download_button")}
    assert {"CSV", "LaTeX"} <= set(by_label)
    lines = list(csv.DictReader(io.StringIO(report(made_up(), "csv"))))
    shown = rows(opened(shelf))
    for line in lines:
        cells = shown[line["row"]]["cells"]
        if "bleu" in cells:
            assert float(line[f"bleu_{TEST}"]) == cells["bleu"]["number"]
            assert float(line[f"perplexity_{VALIDATION}"]) == cells["perplexity"]["number"]


ROWS = ("A-h1", "base", "C-N2", "D-drop0.0")
COMPARED = {"compared": ",".join(ROWS)}


def compared(page: AppTest) -> dict[str, tuple[str, list[str]]]:
    """Row -> what stands beside its name, and its translation, marked words in brackets."""
    body = next(body for body in markup(page) if 'class="compared"' in body)
    found = {}
    for line in body.split('<div class="compared">')[1:]:
        name, about = re.findall(r"<b>(.*?)</b><br>(.*?)</span>", line)[0]
        found[html.unescape(name)] = (html.unescape(about), words_in(line.split("</span>", 1)[1]))
    return found


def test_each_row_translates_with_its_own_model(shelf: Shelf, folder: Path) -> None:
    shown = compared(opened(shelf, **COMPARED))
    traces = {row: traced(folder / row) for row in ROWS}
    base = traces["base"].target.text.split()
    assert len({trace.target.text for trace in traces.values()}) == len(ROWS)
    assert list(shown) == list(ROWS)
    for row, trace in traces.items():
        about, words = shown[row]
        assert [word.strip("[]") for word in words] == [
            word.strip("[]") for word in trace.target.text.split()
        ]
        for word, plain in zip(words, trace.target.text.split(), strict=True):
            if plain not in base:
                assert word == f"[{plain}]"
            if row == "base":
                assert word == plain
        mean = math.exp(np.mean([step.log_probability_nats for step in trace.steps]))
        assert about.endswith(f" · {mean:.0%} per piece")
    assert shown["A-h1"][0].startswith("1 head instead of 8 · ")


def test_a_known_sentence_has_a_persons_translation_below(shelf: Shelf) -> None:
    assert "A person" not in compared(opened(shelf, **COMPARED))
    shown = compared(shelf("table3", text=CAPTION, compared="base"))
    assert " ".join(shown["A person"][1]) == REFERENCES[CAPTION]


def test_each_row_shows_its_own_heads(shelf: Shelf, folder: Path) -> None:
    shown = components(opened(shelf, **COMPARED), "attention_overview")
    for row, data in zip(ROWS, shown, strict=True):
        trace = traced(folder / row)
        meta, levels = tiles(data)
        assert_levels(levels, trace.weights["cross"])
        best = covering_head(trace).place if row != "base" else HeadPlace("cross", 1, 2)
        assert meta["chosen"] == [best.layer_number, best.head_number]
        assert meta["of"].startswith(f"{row}: ")  # in the caption and the name of a saved picture
        assert meta["of"].endswith(f"“{trace.source.text}” → “{trace.target.text}”")


@pytest.mark.parametrize(
    "search", [{"method": "greedy"}, {"method": "sample", "seed": 7, "temperature": 0.5}]
)
def test_the_search_holds_for_every_row(shelf: Shelf, folder: Path, search: dict[str, Any]) -> None:
    of_link = {name: str(value) for name, value in search.items()}
    shown = compared(opened(shelf, compared="A-h1,C-N2", **of_link))
    for row in ("A-h1", "C-N2"):
        trace = traced(folder / row, search=SearchConfig(**search))
        assert trace.target != traced(folder / row).target
        assert [word.strip("[]") for word in shown[row][1]] == [
            word.strip("[]") for word in trace.target.text.split()
        ]
        mean = math.exp(np.mean([step.log_probability_nats for step in trace.steps]))
        assert shown[row][0].endswith(f" · {mean:.0%} per piece")
