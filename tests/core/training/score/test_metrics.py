"""The paper's metrics against counting by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.score.metrics import correction, edit_share, mcnemar, share

rewards = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12)


def test_shares_are_of_all_problems():
    found = correction([0, 0, 1, 1, 0], [1, 0, 1, 0, 1], is_right=1.0)
    assert found.first.value == pytest.approx(40)
    assert found.second.value == pytest.approx(60)
    assert found.delta.value == pytest.approx(20)
    assert found.to_correct.value == pytest.approx(40)
    assert found.to_incorrect.value == pytest.approx(20)
    assert found.p_mcnemar == (1.0,)


@given(rewards)
def test_delta_is_what_was_mended_minus_what_was_broken(pairs):
    found = correction(*zip(*pairs, strict=True), is_right=0.5)
    assert found.delta.value == pytest.approx(found.to_correct.value - found.to_incorrect.value)
    assert found.delta.value == pytest.approx(found.second.value - found.first.value)


def test_a_reward_at_the_threshold_is_right():
    assert correction([0.6], [0.59], is_right=0.6).to_incorrect.value == 100


@pytest.mark.parametrize(
    ("fixed", "broken", "p"), [(0, 0, 1.0), (5, 0, 0.0625), (1, 9, 0.021484375), (3, 3, 1.0)]
)
def test_mcnemar_is_the_exact_binomial_test(fixed, broken, p):
    assert mcnemar(fixed, broken) == pytest.approx(p)


def test_seeds_make_no_interval_narrower_than_the_problems_allow():
    one = [0, 1] * 50
    assert share([one] * 5).interval_95 == share(one).interval_95


def test_the_interval_is_about_that_of_a_binomial():
    low, high = share([0, 1] * 200).interval_95
    assert (low, high) == pytest.approx((45.1, 54.9), abs=1)


def test_attempts_must_be_as_many():
    with pytest.raises(ValueError, match=r"\(1, 2\) and of second ones \(1, 3\)"):
        correction([0, 1], [0, 1, 1], is_right=1)


@pytest.mark.parametrize(
    ("a", "b", "share_"), [("abcd", "abcd", 0), ("ab", "cd", 1), ("abcd", "ab", 1 / 3)]
)
def test_how_far_attempts_differ(a, b, share_):
    assert edit_share(a, b) == pytest.approx(share_)
