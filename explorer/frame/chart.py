"""A Plotly chart as every page draws it."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["toImage"]}
"""Pictures are saved by the buttons of figures/saving/chart_buttons.js, which add a caption."""


def draw_chart(figure: go.Figure, *, alt: str, key: str | None = None, **more: Any) -> None:
    """Draw a chart with buttons that save it.

    Args:
        alt: what it shows; its name for screen readers, and the title of a saved picture.
        more: what else `st.plotly_chart` takes.
    """
    st.plotly_chart(figure, alt=alt, key=key, config=CONFIG, **more)
