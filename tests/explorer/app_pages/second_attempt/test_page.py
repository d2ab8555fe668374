"""The Second attempt page: each number stands where it belongs, each control does what it says."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core
from core.analysis.heads.drafts import copying, draft_mass, kept_steps, repairing
from core.checkpoint.bundled import SOURCES
from core.config import SearchConfig
from core.evaluation.rewards import REWARDS
from core.training.score.methods import METHODS
from core.training.score.report import CONTROLS_HEADER, control_lines, lines, read_attempts, rows
from core.training.score.results import POINTS, RESULTS, Points, read_points, read_results
from core.translator import Correction
from explorer.app_pages.second_attempt.attempts import reference
from explorer.app_pages.second_attempt.corpus import quadrants, verdict
from explorer.app_pages.second_attempt.fields import SecondFields
from explorer.choice.choice import Run
from explorer.engine import second_attempts
from explorer.engine.checkpoints import CHECKPOINTS
from explorer.figures.axes import signed
from explorer.figures.head import piece_labels
from tests.checkpoints import write_checkpoint
from tests.core.training.score.experiments import EXAMPLES, write_bundle, write_experiment
from tests.explorer.clicks import set_state
from tests.explorer.pages import Open, Shelf, charts, link, open_page, opened, shelf, texts
from tests.explorer.readings import components, labels, numbers, tiles, unpacked

__all__ = ["open_page", "shelf"]

TEXT, REFERENCE = EXAMPLES[0].source, EXAMPLES[0].reference


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    write_experiment(folder)
    return folder


@pytest.fixture
def pages(shelf: Shelf, experiment: Path) -> Shelf:
    """A model that reads no draft, and an experiment."""
    if not (shelf.root / "score").is_dir():
        write_checkpoint(shelf.root / "en-de")
        write_bundle(shelf.root / "score" / "toy", experiment)
    return shelf


def corrected(pages: Shelf, method: str = "score", draft: str | None = None) -> Correction:
    folder = pages.root / "score" / "toy" / method
    return core.load(folder).correct(TEXT, draft, SearchConfig())


def said(page: AppTest) -> str:
    return " ".join(element.proto.body for element in page.get("html"))


def table(page: AppTest, heading: str) -> list[dict[str, object]]:
    """The first table that has such a column."""
    frames = (frame.value for frame in page.dataframe)
    return next(frame.to_dict("records") for frame in frames if heading in frame)


def test_it_opens_on_the_model_that_score_taught(pages: Shelf) -> None:
    page = pages("second_attempt")
    assert link(page, "model") == "score/toy/score"
    assert link(page, "text") == TEXT
    assert not page.warning


def test_a_model_that_reads_no_draft_makes_room_for_one_that_does(pages: Shelf) -> None:
    page = pages("second_attempt", model="en-de", text=TEXT)
    assert link(page, "model") == "score/toy/score"


@pytest.mark.parametrize("method", ["base", "score", "wrong_credit"])
def test_the_heat_map_is_the_second_attempt_of_the_model(pages: Shelf, method: str) -> None:
    page = pages("second_attempt", model=f"score/toy/{method}", text=TEXT)
    second = corrected(pages, method).second
    layer, head = int(link(page, "layer")) - 1, int(link(page, "head")) - 1
    score = copying(second)
    assert (layer, head) == np.unravel_index(score.argmax(), score.shape)
    heat, *_, bars = charts(page)[0]["data"]
    assert np.allclose(numbers(heat["z"]), second.weights["cross"][layer, head], atol=1e-6)
    assert np.allclose(numbers(bars["x"]), draft_mass(second)[layer, head], atol=1e-6)
    columns = labels(charts(page)[0], "xaxis")
    assert columns == piece_labels(piece.name for piece in second.source.pieces)
    read, written = (
        piece_labels(piece.name for piece in pieces)
        for pieces in (second.consumed, second.target.pieces)
    )
    assert labels(charts(page)[0], "yaxis") == [
        f"{before} → {after}{'' if is_kept else ' ✎'}"
        for before, after, is_kept in zip(read, written, kept_steps(second), strict=True)
    ]
    assert labels(charts(page)[0], "yaxis2") == [
        f"{share:.0%}" for share in draft_mass(second)[layer, head]
    ]
    border = next(shape for shape in charts(page)[0]["layout"]["shapes"] if shape["type"] == "line")
    assert columns[int(border["x0"] + 0.5)] == "<draft>"


DRAFTS = {"own": None, "none": "", "reference": REFERENCE}


@pytest.mark.parametrize("kind", DRAFTS)
def test_another_draft_is_read(pages: Shelf, kind: str) -> None:
    page = pages("second_attempt", text=TEXT, draft=kind)
    second = corrected(pages, draft=DRAFTS[kind]).second
    heat = charts(page)[0]["data"][0]
    layer, head = int(link(page, "layer")) - 1, int(link(page, "head")) - 1
    assert np.allclose(numbers(heat["z"]), second.weights["cross"][layer, head], atol=1e-6)


def test_another_sentences_draft_is_its_first_attempt(pages: Shelf) -> None:
    page = pages("second_attempt", text=TEXT, draft="other")
    other = core.load(pages.root / "score" / "toy" / "score").trace(EXAMPLES[1].source)
    assert table(page, "the draft itself")[1]["the draft itself"] == other.target.text


def test_a_draft_can_be_typed(pages: Shelf) -> None:
    page = pages("second_attempt", text=TEXT, draft="edited", edited="Der Hund")
    second = corrected(pages, draft="Der Hund").second
    lines = {line["draft"]: line for line in table(page, "the draft itself")}
    assert lines["Edited by hand"]["the draft itself"] == "Der Hund"
    assert lines["Edited by hand"]["attempt 2"] == second.target.text


def test_each_line_of_the_drafts_is_the_attempt_it_names(pages: Shelf) -> None:
    found = {
        line["draft"]: line
        for line in table(pages("second_attempt", text=TEXT), "the draft itself")
    }
    names = {"own": "Its own first attempt", "none": "None", "reference": "The reference"}
    for kind, draft in DRAFTS.items():
        text = corrected(pages, draft=draft).second.target.text
        line = found[names[kind]]
        assert line["attempt 2"] == text
        assert (
            line["attempt 2 judged"] == f"chrF {REWARDS['chrf']([text], [REFERENCE])[0] * 100:.1f}"
        )


def test_each_line_of_the_models_is_the_model_it_names(pages: Shelf) -> None:
    lines = {line["model"]: line for line in table(pages("second_attempt", text=TEXT), "attempt 1")}
    for title, method in (("Base", "base"), ("SCoRe", "score"), ("Wrong credit", "wrong_credit")):
        made = corrected(pages, method)
        assert made.first
        assert lines[title]["attempt 1"] == made.first.target.text
        assert lines[title]["attempt 2"] == made.second.target.text


def test_probabilities_are_those_of_the_same_pieces(pages: Shelf) -> None:
    chart = next(
        c for c in charts(pages("second_attempt", text=TEXT)) if c["data"][0]["type"] == "bar"
    )
    second = corrected(pages).second
    nats = [step.log_probability_nats for step in second.steps]
    assert np.allclose(numbers(chart["data"][0]["y"]), np.exp(nats), atol=1e-5)
    translator = core.load(pages.root / "score" / "toy" / "score")
    prefix = [piece.id for piece in second.target.pieces]
    empty = translator.trace(TEXT, SearchConfig(max_extra_pieces=300), prefix, draft=())
    without = [step.log_probability_nats for step in empty.steps]
    assert np.allclose(numbers(chart["data"][1]["y"]), np.exp(without), atol=1e-5)
    names = piece_labels(piece.name for piece in second.target.pieces)
    assert labels(chart, "xaxis") == names
    assert [bars["name"] for bars in chart["data"]] == ["with this draft", "with an empty draft"]
    changes = np.array(nats) - without
    most = int(abs(changes).argmax())
    assert (
        f"by {signed(sum(nats) - sum(without), 2, plus=True)} nats, the largest change is at step {most + 1}, "
        f"“{names[most]}” ({signed(changes[most], 2, plus=True)})."
    ) in texts(pages("second_attempt", text=TEXT))


def test_the_methods_are_those_of_the_report(pages: Shelf, experiment: Path) -> None:
    found = rows(read_attempts(experiment), reward="chrf", is_right=0.7)
    page = pages("second_attempt", text=TEXT)
    for column, printed in (("Acc@t1", lines(found)), (CONTROLS_HEADER[1], control_lines(found))):
        header, *expected = printed
        drawn = table(page, column)
        assert [[line[name] for name in header[1:]] for line in drawn] == [
            list(row[1:]) for row in expected
        ]


def test_what_is_checked_and_saved_is_the_second_attempt(
    pages: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, saved = [], {}
    monkeypatch.setattr(
        "explorer.frame.self_check.draw_self_check", lambda *given: checked.append(given)
    )
    monkeypatch.setattr(
        "explorer.frame.sentence_page.save_trace",
        lambda trace, name="": saved.__setitem__(name, trace),
    )
    pages.own("second_attempt", text=TEXT)
    second = corrected(pages).second
    [trace] = [trace for _, _, trace, name in checked if name == "the second attempt"]
    for found in (trace, saved["attempt 2"]):
        assert found.source == second.source
        assert found.target == second.target
        np.testing.assert_array_equal(found.weights["cross"], second.weights["cross"])
    assert "" in saved
    assert saved[""].draft_start is None


def test_the_method_on_screen_is_judged_by_its_own_row(pages: Shelf) -> None:
    """Of the bundled experiments too, where one method helps and the other does not."""
    page = pages("second_attempt", text=TEXT)
    results = read_results(pages.root / "score" / "toy")
    said = verdict(results, results.texts[0], "score")
    assert said
    assert said in texts(page)
    for task, words in (("addition", "attempt 2 is better"), ("translation", "attempt 2 is worse")):
        bundled = read_results(SOURCES / "score" / task)
        row = next(row for row in bundled.rows_of(bundled.texts[0]) if row.method == "score")
        said = verdict(bundled, bundled.texts[0], "score")
        assert said.endswith(f"{words}.")
        assert f"{row.accuracy.first.value:.1f} % of attempts 1" in said
        assert f"{row.accuracy.second.value:.1f} % of attempts 2" in said
        delta = row.accuracy.delta
        value, low, high = (
            signed(number, 1, plus=True) for number in (delta.value, *delta.interval_95)
        )
        assert f"Δ {value} points [{low}, {high}]" in said


def test_a_typed_reference_judges_each_change(pages: Shelf) -> None:
    page = pages(
        "second_attempt", text="The woman sees a red house.", wanted="Die Frau.", draft="reference"
    )
    assert 'class="edit helped"' in said(page) or 'class="edit harmed"' in said(page)
    assert "chrF 100.0 → chrF" in said(page)
    page = pages("second_attempt", text="The woman sees a red house.")
    assert "edit helped" not in said(page).partition("</style>")[2].replace(".edit.helped", "")
    assert "Type a reference" in said(page) or "Nothing was changed" in said(page)


def test_a_clicked_tile_is_the_head_on_show(pages: Shelf) -> None:
    layer, head = 1, 3
    page = pages.own("second_attempt", text=TEXT)
    page = set_state(page, "attention_overview", "chosen", [layer, head])
    assert (link(page, "layer"), link(page, "head")) == (str(layer), str(head))
    assert f"**Cross-attention, layer {layer}, head {head}, second attempt**" in texts(page)
    second = corrected(pages).second
    heat, *_, bars = charts(page)[0]["data"]
    assert np.allclose(numbers(heat["z"]), second.weights["cross"][layer - 1, head - 1], atol=1e-6)
    assert np.allclose(numbers(bars["x"]), draft_mass(second)[layer - 1, head - 1], atol=1e-6)


def test_every_model_says_what_it_is(pages: Shelf) -> None:
    choice = pages.own("second_attempt", text=TEXT).segmented_control(key="draft_method")
    of = [method for method in METHODS.values() if method.title in choice.options]
    assert len(of) == len(choice.options)
    assert choice.help == "\n".join(f"- {method.title}: {method.about}." for method in of)


def test_another_model_keeps_the_head(pages: Shelf) -> None:
    page = pages.own("second_attempt", text=TEXT, layer="1", head="2")
    page.segmented_control(key="draft_method").set_value("base").run()
    assert link(page, "model") == "score/toy/base"
    assert (link(page, "layer"), link(page, "head")) == ("1", "2")


def test_a_wrong_credit_is_told_with_its_numbers(pages: Shelf, experiment: Path) -> None:
    found = {
        row.method: row for row in rows(read_attempts(experiment), reward="chrf", is_right=0.7)
    }
    base, wrong = found["base"].accuracy, found["wrong_credit"].accuracy
    assert base.delta.value != wrong.delta.value
    assert (
        f"Acc@t1 goes from {base.first.value:.1f} to {wrong.first.value:.1f}, while Δ goes from "
        f"{signed(base.delta.value, 1, plus=True)} to {signed(wrong.delta.value, 1, plus=True)}. "
    ) in texts(pages("second_attempt", text=TEXT))


def test_without_an_experiment_the_page_says_how_one_is_made(open_page: Open) -> None:
    page = open_page(page="second_attempt")
    assert not page.exception
    assert "score train" in page.code[0].value


@pytest.mark.parametrize("file", [RESULTS, POINTS])
def test_damaged_numbers_are_named(
    open_page: Open, experiment: Path, tmp_path: Path, file: str
) -> None:
    write_bundle(tmp_path / "toy", experiment)
    (tmp_path / "toy" / file).write_bytes((tmp_path / "toy" / file).read_bytes()[:60])
    page = open_page(page="second_attempt")
    assert not page.exception
    assert file in " ".join(warning.value for warning in page.warning).replace("\\", "")


def test_a_sum_has_its_own_result_whatever_was_typed(pages: Shelf) -> None:
    (translation,) = second_attempts.experiments()
    adds = dataclasses.replace(
        translation, results=dataclasses.replace(translation.results, task="addition")
    )
    typed = SecondFields(wanted="99999")
    assert reference(adds, Run(text="4821 + 9377"), typed) == "14198"
    assert reference(translation, Run(text="4821 + 9377"), typed) == "99999"
    assert reference(translation, Run(text=TEXT), SecondFields()) == REFERENCE


def test_pieces_chosen_for_another_model_are_left_out(pages: Shelf) -> None:
    page = pages(
        "second_attempt", model="en-de", text=TEXT, prefix="40.41", ablation="cross.L1H1=0"
    )
    assert not page.warning
    assert "prefix" not in page.query_params
    assert "ablation" not in page.query_params
    assert np.allclose(numbers(charts(page)[0]["data"][0]["z"]).sum(1), 1, atol=1e-5)
    first = corrected(pages).first
    assert first
    lines = {line["model"]: line for line in table(page, "attempt 1")}
    assert lines["SCoRe"]["attempt 1"] == first.target.text


def test_a_draft_that_is_too_long_can_be_shortened(pages: Shelf) -> None:
    page = pages.own("second_attempt", text=TEXT, draft="edited", edited="Hund " * 400)
    assert "no second attempt with this draft" in page.error[0].value.replace("\\", "")
    box = next(each for each in page.text_input if each.label == "Your draft")
    assert box.value.startswith("Hund Hund")
    box.set_value("Der Hund").run()
    assert not page.error
    assert link(page, "edited") == "Der Hund"


def test_a_broken_model_takes_its_own_line_alone(
    open_page: Open, experiment: Path, tmp_path: Path
) -> None:
    write_bundle(tmp_path / "toy", experiment)
    write_checkpoint(tmp_path / "tiny")
    page = open_page(page="second_attempt", model="toy/score", text=TEXT)
    weights = tmp_path / "toy" / "wrong_credit" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    page.run()
    assert not page.exception
    lines = {line["model"]: line for line in table(page, "attempt 1")}
    assert lines["SCoRe"]["attempt 1"]


def test_attempts_are_right_where_the_report_says_so() -> None:
    rewards = np.array([0.6991, 0.6995, 0.7, 0.5], np.float32)
    found = Points(rewards, rewards, np.zeros(4, np.float32))
    assert "25.0% right twice" in quadrants(found, 0.7)


def test_each_problem_is_counted_by_both_of_its_attempts() -> None:
    first, second = np.array([[1, 1], [0, 1], [0, 1], [0, 1], [1, 0], [1, 0], [0, 0]], "f4").T
    assert quadrants(Points(first, second, np.zeros(7, np.float32)), 0.7) == (
        "Of 7 problems: 14.3% right twice, 42.9% corrected (i→c), 28.6% spoilt (c→i), "
        "14.3% wrong twice (first seed)."
    )


MEASURES = {
    "mass": lambda trace: draft_mass(trace).mean(-1),
    "copying": copying,
    "repairing": repairing,
}


@pytest.mark.parametrize("squares", MEASURES)
def test_each_square_has_the_measure_that_was_asked_for(pages: Shelf, squares: str) -> None:
    page = pages("second_attempt", text=TEXT, draft="reference", squares=squares)
    meta, _ = tiles(components(page, "attention_overview")[0])
    values = MEASURES[squares](corrected(pages, draft=REFERENCE).second)
    assert meta["tint"]["labels"] == [signed(float(value), 2) for value in values.flat]


def test_the_last_line_in_words_is_the_second_attempt(pages: Shelf) -> None:
    page = pages("second_attempt", text=TEXT)
    (data,) = components(page, "sentence_in_words")
    made = corrected(pages)
    assert made.first
    texts_of = {line["name"]: line["text"] for line in data["translations"]}
    assert texts_of == {"Attempt 1": made.first.target.text, "Attempt 2": made.second.target.text}


def test_pictures_of_whole_texts_draw_what_was_measured(pages: Shelf) -> None:
    drawn = charts(pages("second_attempt", text=TEXT))
    folder = pages.root / "score" / "toy"
    points, results = read_points(folder), read_results(folder)
    scatter = next(chart["data"][0] for chart in drawn if chart["data"][0]["type"] == "scattergl")
    assert np.allclose(numbers(scatter["x"]), points["test", "score"].first)
    assert np.allclose(numbers(scatter["y"]), points["test", "score"].second)
    bars = {bar["name"]: numbers(bar["y"]) for chart in drawn for bar in chart["data"]
            if bar.get("name") in ("Base", "SCoRe")}  # fmt: skip
    for name, method in (("Base", "base"), ("SCoRe", "score")):
        edits = points["test", method].edits
        assert bars[name][0] == pytest.approx((edits == 0).mean())
        assert bars[name][1:] == pytest.approx(
            np.histogram(edits[edits > 0], np.linspace(0, 1, 11))[0] / len(edits)
        )
    for quantity, title in (("reward", "chrF"), ("kl", "nats an attempt")):
        (chart,) = (c for c in drawn if c["layout"]["yaxis"]["title"]["text"] == title)
        course = results.courses["score"]
        assert [line["name"] for line in chart["data"]] == ["attempt 1", "attempt 2"]
        for n, line in enumerate(chart["data"], start=1):
            values = [getattr(report, f"{quantity}_{n}") for report in course]
            assert line["x"] == [report.step for report in course] == [10, 20, 30]
            assert line["y"] == pytest.approx(values)
        (stage,) = (shape for shape in chart["layout"]["shapes"] if shape["type"] == "line")
        assert stage["x0"] == stage["x1"] == 20


def test_pointing_at_a_mark_tells_what_it_counts(pages: Shelf) -> None:
    heads, probability, *corpus = charts(pages("second_attempt", text=TEXT))
    told = [
        mark["hovertemplate"].removesuffix("<extra></extra>")
        for chart in (probability, *corpus)
        for mark in chart["data"]
    ]
    assert told == [
        "%{x}, with this draft: %{y:.3f} (%{customdata:.2f} nats)",
        "%{x}, with an empty draft: %{y:.3f} (%{customdata:.2f} nats)",
        "first %{x:.2f}, second %{y:.2f}",
        "Base, %{x}: %{y:.1%} of all problems",
        "SCoRe, %{x}: %{y:.1%} of all problems",
        *(f"update %{{x:,}}, attempt {n}: %{{y:.3g}}" for n in (1, 2)),
        *(f"update %{{x:,}}, attempt {n}: %{{y:.3g}}" for n in (1, 2)),
    ]
    for bars in probability["data"]:
        np.testing.assert_allclose(np.exp(numbers(bars["customdata"])), numbers(bars["y"]))
    assert heads["data"][-1]["hovertemplate"].startswith(
        "%{x:.0%} of this row’s weight on the draft"
    )


def test_every_axis_says_what_it_counts(pages: Shelf) -> None:
    drawn = [chart["layout"] for chart in charts(pages("second_attempt", text=TEXT))[1:]]
    titles = [
        tuple(layout[axis].get("title", {}).get("text", "") for axis in ("xaxis", "yaxis"))
        for layout in drawn
    ]
    assert titles == [
        ("", "probability"),
        ("chrF of the first attempt", "chrF of the second"),
        ("characters changed", "share of problems"),
        ("updates", "chrF"),
        ("updates", "nats an attempt"),
    ]


def test_the_saved_squares_are_those_on_the_page(
    pages: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read from the file: the numbers by which the page tints its heads."""
    files: dict[str, str] = {}

    def record(label: str, data: Any, **more: Any) -> bool:
        files[label] = data() if label == "View as HTML" else ""
        return False

    monkeypatch.setattr(st, "download_button", record)
    page = pages.own("second_attempt", text=TEXT)
    on_page = tiles(components(page, "attention_overview")[0])[0]["tint"]
    assert on_page["labels"]
    drawn = re.findall(
        r'<script type="application/json">(.*?)</script>', files["View as HTML"], re.DOTALL
    )
    packed = [json.loads(each).get("bytes") for each in drawn]
    headers = [unpacked(bytes.fromhex(each))[0] for each in packed if each]
    assert on_page in [header.get("tint") for header in headers]


def test_a_sum_is_written_in_columns_with_its_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHECKPOINTS, str(SOURCES / "score"))
    page = opened("second_attempt", {"model": "addition/score", "text": "4821 + 9377"})
    assert not page.exception
    assert '<table class="sum">' in said(page)
    assert "14198" in re.sub("<.*?>", "", said(page))
    assert "From attempt 1 to attempt 2" in said(page)
