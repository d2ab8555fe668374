"""The self-check below a page: one line, and the numbers behind it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine.analyses import self_check
from explorer.frame.downloads import file_name
from explorer.frame.messages import plain
from explorer.frame.tables import draw_table

if TYPE_CHECKING:
    from core.analysis.trace.self_check import Check

Named = list[tuple[str, "Check"]]
"""Checks, each after the name of what it checks."""


def draw_self_check(folder: Path, run: Run, trace: Trace, name: str) -> None:
    """Draw the result of the self-check of the trace on screen."""
    checks: Named = [("", check) for check in self_check(folder, run, trace)]
    _draw(
        checks,
        f"{_n_passed(checks)} of {len(checks)} checks of {name} passed",
        f"self-check of {name}",
    )


def draw_self_checks(traces: Mapping[str, tuple[Path, Run, Trace]]) -> None:
    """Draw the self-checks of several models' traces as one line.

    Args:
        traces: name of the model -> its folder, the run, and its trace.
    """
    checks: Named = [(name, check) for name, of in traces.items() for check in self_check(*of)]
    _draw(
        checks,
        f"{_n_passed(checks)} of {len(checks)} checks passed: what you see is what the models computed",
        "self-check of the models",
    )


def _n_passed(checks: Named) -> int:
    return sum(check.passed for _, check in checks)


def _draw(checks: Named, title: str, name: str) -> None:
    failed = [(name, check) for name, check in checks if not check.passed]
    if failed:
        lines = "\n".join(
            f"- {plain(f'{name}: ' * bool(name) + check.name)}: {check.largest_difference:.3g}"
            for name, check in failed
        )
        st.error(f"Self-check failed: this picture is not what the model did.\n{lines}")
        title = f"Self-check: {len(failed)} of {len(checks)} failed"
    icon = ":material/error:" if failed else ":material/check_circle:"
    with st.expander(title, icon=icon):
        draw_table(
            [({"model": model} if model else {}) | _line(check) for model, check in checks],
            name=file_name(name),
            caption=title,
        )


def _line(check: "Check") -> dict[str, str]:
    return {
        "what must hold": check.name,
        "largest difference": f"{check.largest_difference:.2e}",
        "allowed": f"{check.tolerance:.0e}",
        "holds": "yes" if check.passed else "NO",
        "how it was checked": check.detail,
    }
