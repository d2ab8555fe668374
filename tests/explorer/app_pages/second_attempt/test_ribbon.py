"""The line of edits and the written sum say what was computed."""

import re

import pytest

from core.evaluation.edits import Edit, edits
from core.evaluation.rewards import REWARDS
from explorer.app_pages.second_attempt.ribbon import effect, ribbon, sum_in_columns


def parts(drawn: str) -> list[str]:
    return re.findall(r'<span class="edit (.*?)</span>', drawn)


def test_each_edit_stands_with_its_gain() -> None:
    found = edits(
        "Der alte Mann geht", "Der junge Mann geht fort", reference="Der junge Mann geht", reward=REWARDS["chrf"]
    )  # fmt: skip
    helped, harmed = parts(ribbon(found, title="From 1 to 2"))
    gains = [edit.gain for edit in found if edit.gain is not None]
    assert helped.startswith('helped"><del>alte</del> → <ins>junge</ins>')
    assert f"▲ +{gains[0] * 100:.1f}" in helped
    assert harmed.startswith('harmed"><ins>fort</ins>')
    assert f"▼ −{-gains[1] * 100:.1f}" in harmed


def test_without_a_reference_nothing_is_judged() -> None:
    (part,) = parts(ribbon(edits("ein Hund", "ein Hut"), title=""))
    assert part == 'unknown"><del>Hund</del> → <ins>Hut</ins>'


def test_a_gain_of_right_and_wrong_is_no_number() -> None:
    found = edits("13429", "13419", reference="13419", reward=REWARDS["exact"])
    assert parts(ribbon(found, title="", is_exact=True)) == [
        'helped"><del>2</del> → <ins>1</ins><small>▲</small>'
    ]


@pytest.mark.parametrize(
    ("gain", "kind"), [(None, "unknown"), (0.0, "neutral"), (0.2, "helped"), (-0.2, "harmed")]
)
def test_the_effect_of_an_edit(gain: float | None, kind: str) -> None:
    assert effect(Edit("a", "b", gain)) == kind


def test_text_is_shown_as_typed() -> None:
    assert "<b>x" not in ribbon(edits("<b>x", "<b>y"), title="t").replace("<b>t", "")


def rows(drawn: str) -> dict[str, list[tuple[str, bool]]]:
    found = {}
    for line in re.findall("<tr.*?</tr>", drawn):
        name = re.search('<th scope="row">(.*?)</th>', line)
        assert name
        cells = re.findall(r"<td( class=\"wrong\")?>(.*?)</td>", line)
        found[name[1]] = [(text, bool(mark)) for mark, text in cells]
    return found


def test_a_sum_is_written_with_its_carries_and_its_wrong_digits() -> None:
    drawn = rows(
        sum_in_columns((8810, 4609), [("attempt 1", "13429"), ("attempt 2", "13419")], ("carried", "result"))
    )  # fmt: skip
    assert [text for text, _ in drawn["carried"]] == ["1", "1", "", "", ""]
    assert "".join(text for text, _ in drawn["first number"]) == "8810"
    assert "".join(text for text, _ in drawn["+ second number"]) == "4609"
    assert "".join(text for text, _ in drawn["result"]) == "13419"
    assert [wrong for _, wrong in drawn["attempt 1"]] == [False, False, False, True, False]
    assert not any(wrong for _, wrong in drawn["attempt 2"])


@pytest.mark.parametrize("attempt", ["", "9", "134190", "abc", "1 3"])
def test_an_attempt_that_is_no_such_number_is_wrong_at_its_places(attempt: str) -> None:
    drawn = rows(sum_in_columns((8810, 4609), [("attempt 1", attempt)], ("c", "r")))["attempt 1"]
    assert "".join(text for text, _ in drawn) == attempt
    assert any(wrong for _, wrong in drawn)


def test_a_longer_attempt_stands_with_its_last_digit_under_the_last() -> None:
    drawn = rows(sum_in_columns((8810, 4609), [("attempt 1", "9913419")], ("carried", "result")))
    assert [text for text, _ in drawn["result"]] == ["", "", *"13419"]
    assert [wrong for _, wrong in drawn["attempt 1"]] == [True, True, *[False] * 5]
    assert [text for text, _ in drawn["carried"]] == ["", "", "1", "1", "", "", ""]
