"""Equation 3."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.schedule import cooldown, learning_rate


@given(
    step=st.integers(1, 10**7), d_model=st.integers(1, 4096), n_warmup_steps=st.integers(1, 10**5)
)
def test_equation_3_read_literally(step, d_model, n_warmup_steps):
    expected = d_model**-0.5 * min(step**-0.5, step * n_warmup_steps**-1.5)
    assert learning_rate(step, d_model=d_model, n_warmup_steps=n_warmup_steps) == pytest.approx(
        expected, rel=1e-12
    )


@given(d_model=st.integers(1, 4096), n_warmup_steps=st.integers(2, 10**4))
def test_the_rate_peaks_at_the_end_of_the_warmup(d_model, n_warmup_steps):
    def rate(step):
        return learning_rate(step, d_model=d_model, n_warmup_steps=n_warmup_steps)

    assert rate(n_warmup_steps - 1) < rate(n_warmup_steps) > rate(n_warmup_steps + 1)
    assert rate(n_warmup_steps) == pytest.approx(1 / math.sqrt(d_model * n_warmup_steps))


def test_the_warmup_is_a_straight_line_from_0():
    rates = [learning_rate(step, d_model=7, n_warmup_steps=11) for step in range(1, 12)]
    assert rates == pytest.approx([step * rates[0] for step in range(1, 12)])


def test_four_times_as_late_is_half_the_rate():
    for step in (11, 29, 1_000):
        late = learning_rate(4 * step, d_model=7, n_warmup_steps=11)
        assert late == pytest.approx(learning_rate(step, d_model=7, n_warmup_steps=11) / 2)


def test_scale_moves_the_whole_curve():
    for step in (1, 11, 29):
        scaled = learning_rate(step, d_model=7, n_warmup_steps=11, scale=0.6)
        assert scaled == pytest.approx(0.6 * learning_rate(step, d_model=7, n_warmup_steps=11))


def test_steps_count_from_1():
    with pytest.raises(ValueError, match=r"^step=0 is before the first step; steps count from 1$"):
        learning_rate(0, d_model=7, n_warmup_steps=11)


def test_a_warmup_has_a_step():
    with pytest.raises(ValueError, match=r"^n_warmup_steps=0 must be at least 1$"):
        learning_rate(1, d_model=7, n_warmup_steps=0)


def test_the_rate_falls_to_nothing_over_the_last_steps():
    factors = [cooldown(step, n_steps=10, n_cooldown_steps=4) for step in range(1, 11)]
    assert factors[:6] == [1.0] * 6
    assert factors[6:] == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_without_a_cooldown_nothing_falls():
    assert cooldown(10, n_steps=10, n_cooldown_steps=0) == 1.0
