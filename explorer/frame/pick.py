"""One of a few named values, side by side in a row."""

from collections.abc import Mapping
from typing import Any

import streamlit as st


def pick(label: str, names: Mapping[Any, str], *, help: str | None = None, **bound: Any) -> None:
    """Draw the names as one row of buttons; `bound` ties it to a field (`session.bind`)."""
    st.segmented_control(
        label,
        list(names),
        format_func=names.__getitem__,
        required=True,
        wrap=True,
        help=help,
        **bound,
    )
