"""The Training page, run without a browser: curves of finished and running trainings, a timeline."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.choice.choice import Run
from explorer.choice.examples import CAPTION
from explorer.engine import traces, trainings
from tests.checkpoints import SENTENCE, reports, write_checkpoint, write_history, write_timeline
from tests.explorer.clicks import set_state
from tests.explorer.pages import LATE, SHAPES, Open, button, link, open_page, plot
from tests.explorer.readings import components, unpacked

__all__ = ["open_page"]

CURVES = 4
"""Charts of the page."""


def names(chart: dict[str, Any]) -> list[str]:
    return [trace["name"] for trace in chart["data"]]


def film(page: AppTest) -> dict[str, Any]:
    (data,) = components(page, "training_player")
    return unpacked(data)[0]


def steps_of(page: AppTest) -> list[int]:
    return [of["step"] for of in film(page)["moments"]]


def written(page: AppTest) -> str:
    return " ".join(text.value for text in (*page.markdown, *page.info, *page.warning))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_every_shape_of_model_is_drawn(open_page: Open, shape: dict[str, Any]) -> None:
    page = open_page(shape, "training", text=SENTENCE)
    assert not page.exception
    assert "No training has left reports here yet" in written(page)
    assert "The chosen model, tiny, was saved only at the end" in written(page)
    assert "keeps five early states" in written(page)
    assert steps_of(page) == [0]


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
    chosen = {"runs": "table3/D-drop0.0,runs/mine", "across": "tokens"}
    page = open_page(page="training", text=SENTENCE, **chosen)
    assert not page.exception
    assert not page.warning
    loss, bleu = plot(page), plot(page, 2)
    assert names(loss) == ["table3/D-drop0.0", "mine (run folder)"]
    assert plot(page, 1)["layout"]["yaxis"]["type"] == "log"
    assert loss["layout"]["yaxis"]["type"] == "linear"
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
    assert "**mine (run folder)**: step 100" in written(page).replace("\\", "")
    assert len(page.get("plotly_chart")) == CURVES
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


def test_a_model_without_reports_opens_on_the_training_that_runs(
    open_page: Open, tmp_path: Path
) -> None:
    write_history(tmp_path / "en-de", reports(3))
    write_history(tmp_path / ".runs" / "mine", reports(2))
    page = open_page(page="training", text=SENTENCE)
    assert page.multiselect(key="choose_runs").value == ["runs/mine"]


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


def test_a_running_training_says_how_far_it_is_and_how_long_it_takes(
    open_page: Open, tmp_path: Path
) -> None:
    file = write_history(tmp_path / ".runs" / "mine", reports(2))
    (file.parent / "config.json").write_text('{"training": {"n_steps": 1080}}')
    page = open_page(page="training", text=SENTENCE)
    line = "**mine (run folder)**: step 100 of 1,080, about 12 min left"  # 50 steps in 36 s
    assert line in written(page).replace("\\", "")
    hour_ago = file.stat().st_mtime - 3_600
    os.utime(file, (hour_ago, hour_ago))
    assert "nothing written for 60 min: perhaps it was stopped" in written(page.run())


def test_a_model_without_snapshots_is_shown_beside_one_that_has_them(
    open_page: Open, tmp_path: Path
) -> None:
    write_timeline(write_checkpoint(tmp_path / "table3" / "base", n_heads=3), 9, 90)
    page = open_page(page="training", model="tiny", ablation="cross.L1H5=0", text=SENTENCE)
    assert not page.exception
    said = written(page)
    assert (
        "The chosen model, tiny, was saved only at the end. Shown: Table 3's base, saved at three "
        "moments." in said
    )
    assert steps_of(page) == [9, 90, 0]
    alone = traces.trace(tmp_path / "table3" / "base", Run(text=SENTENCE))
    assert "".join(w["text"] for w in film(page)["moments"][-1]["words"]) in (
        alone.target.text.replace(" ", "")
    )
    assert (link(page, "model"), link(page, "ablation")) == ("tiny", "cross.L1H5=0")
    page = button(page, "Show tiny as it is").click().run()
    assert steps_of(page) == [0]
    assert "The model is changed here too" in written(page).replace("\\", "")
    page = button(page, "Show Table 3's base").click().run()
    assert steps_of(page) == [9, 90, 0]


def test_the_usual_sentence_is_a_caption(with_timeline: Open) -> None:
    assert link(with_timeline(page="training"), "text") == CAPTION


def test_the_head_of_the_timeline_says_where_its_rows_are_late(
    open_page: Open, tmp_path: Path
) -> None:
    write_checkpoint(tmp_path / "tiny", metrics=LATE)
    assert "The rows of this head are one step late" in written(
        open_page(page="training", text=SENTENCE)
    )


def test_a_typed_translation_is_left_out_of_the_timeline(with_timeline: Open) -> None:
    own, typed = (
        with_timeline(page="training", text=SENTENCE, **more)
        for more in ({}, {"target": "Der Mann."})
    )
    assert not typed.exception
    assert film(typed)["moments"] == film(own)["moments"]
    assert link(typed, "target") == "Der Mann."


def test_the_table_of_links_is_of_the_moment_on_show(with_timeline: Open) -> None:
    for snapshot, name in (("90", "step 90"), ("0", "finished")):
        page = with_timeline(page="training", text=SENTENCE, snapshot=snapshot)
        assert f"The strongest links as a table: {name}" in [of.label for of in page.expander]


def test_a_snapshot_that_is_not_kept_gets_a_notice(with_timeline: Open) -> None:
    page = with_timeline(page="training", text=SENTENCE, snapshot="10")
    assert not page.exception
    assert "snapshot 10" in page.warning[0].value
    assert film(page)["view"]["snapshot"] == 9


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


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ({"snapshot": 3}, True),
        ({"snapshot": 3, "held": True}, True),
        ({"snapshot": 3, "held": False}, False),
    ],
)
def test_words_are_held_unless_the_reader_lets_them_go(
    open_page: Open, tmp_path: Path, view: dict[str, Any], expected: bool
) -> None:
    checkpoint = write_checkpoint(tmp_path / "tiny")
    write_timeline(checkpoint, 3)
    write_history(tmp_path / "tiny", reports())
    page = set_state(open_page(page="training", text=SENTENCE), "training_player", "view", view)
    assert not page.exception
    (data,) = components(page, "training_player")
    assert unpacked(data)[0]["view"]["held"] is expected
