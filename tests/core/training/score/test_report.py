"""The report: each number is what its column says."""

import dataclasses
import json

import numpy as np
import pytest
import sacrebleu

from core.training.score.methods import METHODS
from core.training.score.metrics import mcnemar
from core.training.score.report import HEADER, PAPER, read_attempts, report, rows
from tests.core.training.score.experiments import (
    BASE,
    REFERENCES,
    RUNS,
    SCORE,
    WRONG_CREDIT,
    write_experiment,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    write_experiment(folder)
    made = read_attempts(folder)
    return {row.method: row for row in rows(made, reward="chrf", is_right=0.7)}


def test_there_is_a_row_for_each_method_that_was_measured(found):
    assert list(found) == ["base", "score", "wrong_credit"]
    assert found["score"].seeds == (1, 2)


def test_accuracies_are_shares_of_all_problems(found):
    accuracy = found["base"].accuracy
    assert accuracy.first.value == pytest.approx(100 / 3)
    assert accuracy.second.value == pytest.approx(100 / 3)
    assert accuracy.to_correct.value == accuracy.to_incorrect.value == pytest.approx(100 / 3)
    of_score = found["score"].accuracy  # one seed as Base, one all right
    assert of_score.second.value == pytest.approx((100 / 3 + 100) / 2)
    assert of_score.p_mcnemar == (mcnemar(2, 0), mcnemar(1, 1))
    assert found["score"].deltas == pytest.approx((200 / 3, 0.0))


def test_bleu_and_chrf_are_sacrebleus_of_the_whole_text(found):
    for column, scorer in (("bleu", sacrebleu.corpus_bleu), ("chrf", sacrebleu.corpus_chrf)):
        expected = [
            np.mean(
                [
                    scorer(list(getattr(made, side)), [list(REFERENCES)]).score
                    for made in (SCORE, BASE)
                ]
            )
            for side in ("first", "second")
        ]
        assert getattr(found["score"], column) == pytest.approx(tuple(expected))


def test_the_first_attempts_gain_is_over_base(found):
    assert found["base"].first_gain is None
    assert found["score"].first_gain.value == 0
    assert found["wrong_credit"].first_gain.value == pytest.approx(-100 / 3)


def test_a_delta_stands_beside_that_of_score(found):
    assert found["score"].beside_score is None
    for method in ("base", "wrong_credit"):
        delta, of_score = (found[name].accuracy.delta.value for name in (method, "score"))
        assert found[method].beside_score.value == pytest.approx(delta - of_score)


def test_unchanged_second_attempts_are_counted(found):
    same = [a == b for a, b in zip(BASE.first, BASE.second, strict=True)]
    assert found["base"].unchanged.value == pytest.approx(np.mean(same) * 100)
    assert found["wrong_credit"].unchanged.value == 0
    assert WRONG_CREDIT.first == ("", "", "")


def test_controls_are_accuracies_with_other_drafts(found):
    assert {kind: share.value for kind, share in found["base"].controls.items()} == dict.fromkeys(
        ("other", "reference", "corrupted", "empty"), 100.0
    )


@pytest.mark.parametrize("format_", ["text", "markdown"])
def test_every_row_and_every_paper_number_is_printed(found, format_):
    printed = report(list(found.values()), format_)
    assert all(name in printed for name in HEADER)
    for method in found:
        line = next(line for line in printed.splitlines() if f"{method} " in line.replace("|", " "))
        if method in PAPER:
            assert (
                f"{PAPER[method][0]:.1f} → {PAPER[method][1]:.1f} ({PAPER[method][2]:+.1f}" in line
            )


def test_the_short_table_names_methods_by_their_titles(found):
    printed = report(list(found.values()), "short")
    line = next(line for line in printed.splitlines() if line.startswith("| SCoRe |"))
    accuracy = found["score"].accuracy
    assert (
        f"| {accuracy.first.value:.1f} | {accuracy.second.value:.1f} | {accuracy.delta.value:+.1f} ["
        in line
    )
    assert line.endswith("| +4.4 |")


def test_json_holds_the_same(found):
    (base, *_) = json.loads(report(list(found.values()), "json"))
    assert base["accuracy"]["first"]["value"] == found["base"].accuracy.first.value


def test_the_papers_delta_is_its_difference():
    for method, (first, second, delta, *turned) in PAPER.items():
        assert method in METHODS
        assert second - first == pytest.approx(delta, abs=0.11), method
        if None not in turned:
            assert turned[0] - turned[1] == pytest.approx(delta, abs=0.11), method


def test_an_empty_folder_says_how_attempts_are_made(tmp_path):
    with pytest.raises(ValueError, match="core score train"):
        read_attempts(tmp_path)
    assert len(RUNS) == 4


@pytest.mark.parametrize("is_right", [0, 2, -1])
def test_a_threshold_is_a_share(is_right):
    with pytest.raises(ValueError, match="must be above 0 and at most 1"):
        rows({"test": {"base": {1: BASE}}}, reward="chrf", is_right=is_right)


def test_methods_that_were_measured_on_other_problems_are_named():
    other = dataclasses.replace(SCORE, references=SCORE.references[::-1])
    with pytest.raises(
        ValueError, match=r"score-3 was measured on another text test .*attempts/test.json"
    ):
        rows({"test": {"base": {1: BASE}, "score": {3: other}}}, reward="chrf", is_right=0.7)


def test_a_checkpoint_that_is_no_method_stands_under_its_own_name_without_the_paper():
    (row,) = rows({"test": {"runs/mine": {1: BASE}}}, reward="chrf", is_right=0.7)
    for format_ in ("text", "short"):
        assert "runs/mine" in report([row], format_)
        assert "52.6" not in report([row], format_)
