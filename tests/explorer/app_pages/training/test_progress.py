"""How far a training is, and how long it will take, from its last reports."""

from typing import Any

import pytest

from explorer.app_pages.training.progress import progress_line


def reports(*places: tuple[int, float]) -> list[dict[str, Any]]:
    return [{"step": step, "elapsed_s": seconds} for step, seconds in places]


STEADY = reports(*((50 * n, 10.0 * n) for n in range(1, 15)))


@pytest.mark.parametrize(
    ("found", "n_steps", "said"),
    [
        (STEADY, 1_080, "step 700 of 1,080, about 1 min left"),
        (STEADY, 710, "step 700 of 710, less than 1 min left"),
        (STEADY, 100_000, "step 700 of 100,000, about 5 h 31 min left"),
        (STEADY, 700, "step 700 of 700, finished"),
        (STEADY, None, "step 700"),
        (reports((50, 100.0)), 100, "step 50 of 100, about 2 min left"),
        (reports((50, 0.0)), 100, "step 50 of 100"),
        ([], 100, "no step reported yet"),
        ([{"step": None, "elapsed_s": "x"}, {}], 100, "no step reported yet"),
    ],
)
def test_a_line_says_where_a_training_stands(found, n_steps, said) -> None:  # type: ignore[no-untyped-def]
    assert progress_line(found, n_steps, unwritten_s=2.0) == said


def test_the_rate_is_that_of_the_last_reports() -> None:
    """It slowed down to a tenth: what was fast long ago does not count."""
    slow = reports(*((700 + 50 * n, 140.0 + 100.0 * n) for n in range(1, 8)))
    assert progress_line([*STEADY, *slow], 1_350, 0.0) == "step 1,050 of 1,350, about 10 min left"


def test_one_that_is_silent_has_no_time_left_to_tell() -> None:
    assert progress_line(STEADY, 1_080, 240.0) == (
        "step 700 of 1,080, nothing written for 4 min: perhaps it was stopped"
    )
