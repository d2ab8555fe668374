"""Rewards are sacrebleu's, over 100."""

import pytest
from sacrebleu import sentence_bleu as sacre_bleu
from sacrebleu import sentence_chrf as sacre_chrf

from core.evaluation.rewards import REWARDS

REFERENCE = "Ein Mann fährt Fahrrad."


@pytest.mark.parametrize("attempt", ["Ein Mann fährt ein Fahrrad.", "Mann", REFERENCE])
def test_graded_rewards_are_those_of_sacrebleu(attempt):
    assert REWARDS["chrf"]([attempt], [REFERENCE])[0] == pytest.approx(
        sacre_chrf(attempt, [REFERENCE]).score / 100
    )
    assert REWARDS["bleu"]([attempt], [REFERENCE])[0] == pytest.approx(
        sacre_bleu(attempt, [REFERENCE]).score / 100
    )


def test_an_exact_match_is_all_or_nothing():
    assert REWARDS["exact"](["14198", "1419"], ["14198", "14198"]) == [1.0, 0.0]


@pytest.mark.parametrize("name", REWARDS)
def test_an_empty_attempt_earns_nothing(name):
    assert REWARDS[name]([""], [REFERENCE]) == [0.0]
