"""Reports as curves: every number where it was reported, nothing invented."""

import math

import pytest

from explorer.app_pages.training.curves import (
    BLEU,
    LOSS,
    PERPLEXITY,
    QUANTITIES,
    RATE,
    curves,
    training_summary,
)
from explorer.app_pages.training.figures import Curve, curves_figure
from tests.checkpoints import reports


def test_a_curve_has_a_point_for_every_report_of_its_kind() -> None:
    (loss,) = curves({"mine": reports(3)}, LOSS, "step")
    assert (loss.name, loss.x, loss.y) == ("mine", (50, 100, 150), (6, 3, 2))
    (perplexity,) = curves({"mine": reports(2)}, PERPLEXITY, "tokens")
    assert (perplexity.x, perplexity.y) == ((4_000, 8_000), (64, 8))
    (rate,) = curves({"mine": reports(2)}, RATE, "step")
    assert rate.y == (0.001, 0.002)


def test_a_score_has_a_curve_for_each_text_of_each_training() -> None:
    found = curves({"one": reports(2), "two": reports(1)}, BLEU, "step")
    assert [(curve.name, curve.colour, curve.dash) for curve in found] == [
        ("one, a", 0, 0), ("one, b", 0, 1), ("two, a", 1, 0), ("two, b", 1, 1),
    ]  # fmt: skip


def test_a_training_keeps_its_colour_where_another_has_nothing_to_show() -> None:
    only_loss = [report for report in reports(2) if report["kind"] == "training"]
    found = curves({"one": only_loss, "two": reports(2)}, PERPLEXITY, "step")
    assert [(curve.name, curve.colour) for curve in found] == [("two", 1)]


def test_what_is_no_number_is_left_out() -> None:
    odd = [
        {"step": 1, "loss_nats": math.inf},
        {"step": 2, "loss_nats": None},
        {"loss_nats": 3.0},
        {"step": 4, "loss_nats": 2.5},
    ]
    (loss,) = curves({"odd": odd}, LOSS, "step")
    assert (loss.x, loss.y) == ((4,), (2.5,))
    assert curves({"empty": []}, LOSS, "step") == []


def test_names_are_text_and_no_markup() -> None:
    (loss,) = curves({"<b>x</b>": reports(1)}, LOSS, "step")
    assert loss.name == "&lt;b&gt;x&lt;/b&gt;"


def test_a_training_stands_where_its_last_report_says() -> None:
    worse_at_the_end = [*reports(2), {"kind": "validation", "step": 150, "perplexity": 99.0}]
    assert training_summary("mine", worse_at_the_end) | {"M tokens": 0, "hours": 0} == {
        "training": "mine", "step": 150, "M tokens": 0, "hours": 0, "last loss": 3,
        "lowest perplexity": 8, "at step": 100, "last bleu a": 20, "last bleu b": 0,
    }  # fmt: skip
    assert training_summary("mine", reports(2))["M tokens"] == 0.008
    assert training_summary("mine", reports(2))["hours"] == 0.02
    assert training_summary("none", [])["step"] is None


@pytest.mark.parametrize("other", [None, "x", [], {}, True])
def test_what_is_no_number_is_not_reported(other: object) -> None:
    fields = ("step", "tokens", "elapsed_s", "loss_nats", "perplexity", "bleu_a")
    summary = training_summary("mine", [*reports(1), dict.fromkeys(fields, other)])
    assert (summary["last loss"], summary["at step"]) == (6, 50)
    assert summary["step"] is None
    assert math.isnan(summary["M tokens"])
    assert math.isnan(summary["hours"])


@pytest.mark.parametrize("log_x", [False, True])
@pytest.mark.parametrize("log_y", [False, True])
def test_axes_are_as_asked(log_x: bool, log_y: bool) -> None:
    figure = curves_figure(
        [Curve("a", (1, 10), (2, 3), colour=0)],
        x_title="step", y_title="nats", log_x=log_x, log_y=log_y,
    )  # fmt: skip
    assert figure.layout.xaxis.type == ("log" if log_x else "linear")
    assert figure.layout.yaxis.type == ("log" if log_y else "linear")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("step", "nats")


def test_trainings_differ_in_colour_and_texts_in_dash() -> None:
    found = curves({"one": reports(2), "two": reports(2)}, BLEU, "step")
    lines = [trace.line for trace in curves_figure(found, x_title="x", y_title="y").data]
    assert len({(line.color, line.dash) for line in lines}) == 4
    assert lines[0].color == lines[1].color != lines[2].color
    assert lines[0].dash == lines[2].dash != lines[1].dash


def test_every_quantity_says_what_it_is() -> None:
    for quantity in QUANTITIES:
        assert quantity.help.endswith(".")
        assert curves({"x": reports(1)}, quantity, "step")
