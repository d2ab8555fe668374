"""The self-check below a page: one line, and the numbers behind it."""

from pathlib import Path

import streamlit as st

from core.analysis.trace.trace import Trace
from explorer.choice.choice import Run
from explorer.engine.analyses import self_check
from explorer.frame.messages import plain


def draw_self_check(folder: Path, run: Run, trace: Trace, name: str) -> None:
    """Draw the result of the self-check of the trace on screen."""
    checks = self_check(folder, run, trace)
    failed = [check for check in checks if not check.passed]
    if failed:
        lines = "\n".join(
            f"- {plain(check.name)}: {check.largest_difference:.3g}" for check in failed
        )
        st.error(f"Self-check failed: this picture is not what the model did.\n{lines}")
    with st.expander(
        f"Self-check of {name}: {len(checks) - len(failed)} of {len(checks)} hold",
        icon=":material/error:" if failed else ":material/check_circle:",
    ):
        st.dataframe(
            [
                {
                    "what must hold": check.name,
                    "largest difference": f"{check.largest_difference:.2e}",
                    "allowed": f"{check.tolerance:.0e}",
                    "holds": "yes" if check.passed else "NO",
                    "how it was checked": check.detail,
                }
                for check in checks
            ],
            hide_index=True,
            width="stretch",
        )
