"""What a model computed for the sentence on show, and whether the pictures of it are true."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.records import Kind, Trace
from explorer.engine.kept import Kept
from explorer.engine.models import look
from explorer.engine.stamps import stamp
from explorer.state import Run

if TYPE_CHECKING:
    from core.inspection import Check, HeadInternals
    from core.model import Transformer


MOST_CHECK_BYTES = 2_000_000
"""Memory for self-checks of all visitors together, about a thousand."""


def self_check(folder: Path, run: Run, shown: Trace) -> tuple["Check", ...]:
    """Whether the picture is true: see `core.inspection.self_check`."""
    from core.inspection import self_check as check

    return _checks().get((stamp(folder), run), lambda: look(folder, run, check, shown))


@st.cache_resource(show_spinner=False)
def _checks() -> Kept:
    return Kept(MOST_CHECK_BYTES)


def head_internals(
    folder: Path, run: Run, shown: Trace, kind: Kind, layer: int, head: int
) -> "HeadInternals":
    """All that one head (from 1) computed for the sentence on show."""
    from core.inspection import head_internals as internals

    def at(model: "Transformer", shown: Trace) -> "HeadInternals":
        return internals(model, shown, kind, layer - 1, head - 1)

    return look(folder, run, at, shown)
