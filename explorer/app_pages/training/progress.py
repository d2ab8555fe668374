"""Where a training that has not ended stands, and how long it will take, in one line."""

from collections.abc import Mapping, Sequence
from typing import Any

LAST_REPORTS = 6
"""The rate is that of so many last reports of the loss: it changes as the machine is shared."""
SILENT_S = 180.0
"""A training that writes nothing for so long has perhaps been stopped."""


def progress_line(
    reports: Sequence[Mapping[str, Any]], n_steps: int | None, unwritten_s: float
) -> str:
    """Such as `step 715 of 1,080, about 1 min left`.

    Args:
        n_steps: how many steps the training is to take, if that is known.
        unwritten_s: seconds since its last report.
    """
    places = _places(reports)
    if not places:
        return "no step reported yet"
    step = int(places[-1][0])
    where = f"step {step:,} of {n_steps:,}" if n_steps else f"step {step:,}"
    if n_steps and step >= n_steps:
        return f"{where}, finished"
    if unwritten_s > SILENT_S:
        return f"{where}, nothing written for {_duration(unwritten_s)}: perhaps it was stopped"
    left_s = _left_s(places, n_steps)
    return where if left_s is None else f"{where}, {_about(left_s)} left"


def _places(reports: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Step and seconds of each report of the loss; of any report, if there is no such."""
    found = [
        (report["step"], report["elapsed_s"])
        for report in reports
        if all(isinstance(report.get(name), int | float) for name in ("step", "elapsed_s"))
    ]
    return sorted(set(found))


def _left_s(places: Sequence[tuple[float, float]], n_steps: int | None) -> float | None:
    if not n_steps:
        return None
    last = places[-LAST_REPORTS:]
    (first_step, first_s), (step, seconds) = last[0], last[-1]
    if step <= first_step:
        first_step, first_s = 0, 0.0
    if seconds <= first_s:
        return None
    return (n_steps - step) * (seconds - first_s) / (step - first_step)


def _about(seconds: float) -> str:
    return f"about {_duration(seconds)}" if seconds >= 30 else "less than 1 min"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
