"""The Training page, run without a browser: curves of finished and running trainings, a timeline."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.choice.choice import Run
from explorer.engine import traces, trainings
from explorer.figures.head import token_label
from explorer.head.matrix import row_labels
from tests.checkpoints import SENTENCE, reports, write_checkpoint, write_history, write_timeline
from tests.explorer.pages import LATE, SHAPES, Open, link, open_page, plot

__all__ = ["open_page"]

CURVES = 4
"""Charts above the timeline's head."""


def names(chart: dict[str, Any]) -> list[str]:
    return [trace["name"] for trace in chart["data"]]


def written(page: AppTest) -> str:
    return " ".join(text.value for text in (*page.markdown, *page.info, *page.warning))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_model_is_drawn(open_page: Open, shape: dict[str, Any]) -> None:
    page = open_page(shape, "training", text=SENTENCE)
    assert not page.exception
    assert "No training has left reports here yet" in written(page)
    assert "--keep-steps" in written(page)


def test_the_model_on_show_opens_with_its_own_curves(open_page: Open, tmp_path: Path) -> None:
    write_history(tmp_path / "another", reports(4))
    write_checkpoint(tmp_path / "tiny")
    write_history(tmp_path / "tiny", reports(3))
    page = open_page(page="training", text=SENTENCE, model="tiny")
    assert not page.exception
    assert page.multiselect[0].value == ["tiny"]
    assert names(plot(page)) == ["tiny"]
    assert names(plot(page, 2)) == ["tiny, a", "tiny, b"]


@pytest.mark.parametrize(
    ("runs", "said"),
    [("lost", "the usual training is chosen"), ("lost,tiny", "the others alone are chosen")],
)
def test_what_is_chosen_in_place_of_a_lost_training_is_said(
    open_page: Open, tmp_path: Path, runs: str, said: str
) -> None:
    write_checkpoint(tmp_path / "tiny")
    write_history(tmp_path / "another", reports(4))
    write_history(tmp_path / "tiny", reports(3))
    page = open_page(page="training", text=SENTENCE, runs=runs)
    assert f"No reports of lost are here; {said} instead" in page.warning[0].value.replace("\\", "")


def test_several_trainings_and_axes_come_from_the_link(open_page: Open, tmp_path: Path) -> None:
    write_history(tmp_path / "table3" / "D-drop0.0", reports(4))
    write_history(tmp_path / ".runs" / "mine", reports(2))
    chosen = {"runs": "table3/D-drop0.0,runs/mine", "across": "tokens", "log_y": "1"}
    page = open_page(page="training", text=SENTENCE, **chosen)
    assert not page.exception
    assert not page.warning
    loss, bleu = plot(page), plot(page, 2)
    assert names(loss) == ["table3/D-drop0.0", "runs/mine"]
    assert loss["layout"]["yaxis"]["type"] == "log"
    assert loss["layout"]["xaxis"]["type"] == "linear"
    assert "tokens" in loss["layout"]["xaxis"]["title"]["text"]
    assert bleu["layout"]["yaxis"]["type"] == "linear"
    assert {name: link(page, name) for name in chosen} == chosen


def test_a_choice_of_trainings_is_in_the_link(open_page: Open, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_history(tmp_path / name, reports(2))
    page = open_page(page="training", text=SENTENCE)
    page = page.multiselect[0].set_value(["a", "b"]).run()
    assert not page.exception
    assert link(page, "runs") == "a,b"
    assert names(plot(page)) == ["a", "b"]


def test_a_training_with_a_comma_in_its_name_is_linked(open_page: Open, tmp_path: Path) -> None:
    for name in ("big, wide", "other"):
        write_history(tmp_path / name, reports(2))
    page = open_page(page="training", text=SENTENCE)
    page = page.multiselect(key="choose_runs").set_value(["big, wide", "other"]).run()
    again = open_page(page="training", text=SENTENCE, runs=link(page, "runs"))
    assert not again.warning
    assert again.multiselect(key="choose_runs").value == ["big, wide", "other"]


def test_a_training_that_is_not_there_gets_a_notice(open_page: Open, tmp_path: Path) -> None:
    write_history(tmp_path / "a", reports(2))
    page = open_page(page="training", text=SENTENCE, runs="gone")
    assert not page.exception
    assert "No reports of gone" in page.warning[0].value
    assert names(plot(page)) == ["a"]


def test_a_running_training_draws_on(open_page: Open, tmp_path: Path) -> None:
    file = write_history(tmp_path / ".runs" / "mine", reports(2))
    page = open_page(page="training", text=SENTENCE)
    assert "every 5 seconds" in written(page)
    assert len(page.get("plotly_chart")) == CURVES + 1
    with file.open("a") as opened:
        opened.write(json.dumps(reports(3)[-2]) + "\n" + '{"kind": "validation", "st')
    page = page.run()
    assert not page.exception
    assert not page.warning
    assert list(plot(page)["data"][0]["x"]) == [50, 100, 150]
    file.unlink()
    page = page.run()
    assert not page.exception
    assert "cannot be read" in written(page)


def test_a_history_is_read_again_only_when_it_changed(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_history(tmp_path / ".runs" / "mine", reports(2))
    n_read: list[Path] = []
    read = trainings.read_history
    monkeypatch.setattr(trainings, "read_history", lambda f: n_read.append(f) or read(f))
    page = open_page(page="training", text=SENTENCE)
    page.run()
    assert len(n_read) == 1
    write_history(file.parent, reports(3))
    page.run()
    assert len(n_read) == 2


def test_a_broken_history_is_named(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "history.jsonl").write_text('{"st\n{"step": 2}\n')
    page = open_page(page="training", text=SENTENCE)
    assert not page.exception
    assert "line 1: it is not JSON" in written(page).replace("\\", "")


@pytest.fixture
def with_timeline(open_page: Open, tmp_path: Path) -> Open:
    write_timeline(write_checkpoint(tmp_path / "tiny"), 9, 90)
    return open_page


def test_a_timeline_goes_from_step_to_step(with_timeline: Open) -> None:
    page = with_timeline(page="training", text=SENTENCE)
    assert not page.exception
    slider = page.select_slider[0]
    assert (slider.options, slider.value) == (["step 9", "step 90", "finished"], 0)
    finished = plot(page)["data"][0]["z"]
    page = slider.set_value(9).run()
    assert not page.exception
    assert link(page, "snapshot") == "9"
    early = plot(page)
    assert early["data"][0]["z"] != finished
    assert "step 9" in written(page)


def test_the_head_of_the_timeline_says_where_its_rows_are_late(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "tiny", metrics=LATE)
    assert "Its rows are one step late" in written(open_page(page="training", text=SENTENCE))


@pytest.mark.parametrize("held", ["1", "0"])
def test_a_typed_translation_is_left_out_of_the_timeline(with_timeline: Open, held: str) -> None:
    chosen = {"text": SENTENCE, "snapshot": "90", "held": held}
    own, typed = (
        with_timeline(page="training", **chosen, **more) for more in ({}, {"target": "Der Mann."})
    )
    assert not typed.exception
    assert plot(typed)["layout"]["yaxis"] == plot(own)["layout"]["yaxis"]
    drawn = [
        [element.proto.body for element in page.get("html") if "1.15rem" in element.proto.body]
        for page in (own, typed)
    ]
    assert len(drawn[0]) == 3
    assert drawn[0] == drawn[1]


def test_rows_are_the_finished_translation_or_each_steps_own(
    with_timeline: Open, tmp_path: Path
) -> None:
    for held, step in (("1", 0), ("0", 90)):
        page = with_timeline(page="training", text=SENTENCE, snapshot="90", held=held)
        assert not page.exception
        read = traces.trace(tmp_path / "tiny", Run(text=SENTENCE), step)
        labels = [token_label(label) for label in row_labels(read, "cross")]
        assert list(plot(page)["layout"]["yaxis"]["ticktext"]) == labels


def test_a_snapshot_that_is_not_kept_gets_a_notice(with_timeline: Open) -> None:
    page = with_timeline(page="training", text=SENTENCE, snapshot="10")
    assert not page.exception
    assert "snapshot 10" in page.warning[0].value
    assert page.select_slider[0].value == 0


def test_broken_early_weights_are_told(with_timeline: Open, tmp_path: Path) -> None:
    (tmp_path / "tiny" / "timeline" / "0000009.safetensors").write_bytes(b"short")
    page = with_timeline(page="training", text=SENTENCE)
    assert not page.exception
    assert "timeline cannot be shown" in page.error[0].value


def test_a_snapshot_is_the_model_after_that_step(with_timeline: Open, tmp_path: Path) -> None:
    import core

    folder = tmp_path / "tiny"
    with_timeline(page="training", text=SENTENCE)
    for step in (0, 9):
        shown = traces.trace(folder, Run(text=SENTENCE), step)
        alone = core.load(folder, step=step or None).trace(SENTENCE)
        assert np.array_equal(shown.weights["cross"], alone.weights["cross"])
