"""Edits between two attempts, and the reward that each earns."""

import pytest

from core.evaluation.edits import Edit, edits
from core.evaluation.rewards import REWARDS

FIRST, SECOND = "Der alte Mann geht in Haus .", "Der junge Mann geht in das Haus ."


def test_words_are_kept_replaced_and_put_in():
    assert edits(FIRST, SECOND) == (
        Edit("Der", "Der"),
        Edit("alte", "junge"),
        Edit("Mann geht in", "Mann geht in"),
        Edit("", "das"),
        Edit("Haus .", "Haus ."),
    )


@pytest.mark.parametrize(
    ("first", "second"), [(FIRST, SECOND), (SECOND, FIRST), ("", SECOND), (FIRST, ""), ("", "")]
)
def test_edits_make_either_attempt(first, second):
    found = edits(first, second)
    assert " ".join(edit.before for edit in found if edit.before) == first
    assert " ".join(edit.after for edit in found if edit.after) == second


def test_numbers_are_compared_digit_by_digit():
    assert edits("13198", "14198") == (Edit("1", "1"), Edit("3", "4"), Edit("198", "198"))
    assert edits("10999", "9999") == (Edit("10", "9"), Edit("999", "999"))
    assert edits("", "9") == (Edit("", "9"),)
    assert edits("", "") == ()


def test_a_gain_is_what_undoing_the_edit_would_cost():
    reward = REWARDS["chrf"]
    reference = SECOND
    gains = {
        edit.after: edit.gain for edit in edits(FIRST, SECOND, reference=reference, reward=reward)
    }
    (whole, without) = reward([SECOND, "Der alte Mann geht in das Haus ."], [reference] * 2)
    assert gains["junge"] == pytest.approx(whole - without)
    assert gains["junge"] > 0
    assert gains["Der"] is None


def test_a_harmful_edit_has_a_gain_below_0():
    found = edits("14198", "14199", reference="14198", reward=REWARDS["exact"])
    assert [edit.gain for edit in found] == [None, -1.0]
