"""Pictures of the loaded model's position table, each with its controls and what to look at."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from explorer import engine, frame, positions, session
from explorer.figures.head import piece_label, token_label
from explorer.figures.positions import (
    compare_tables_figure,
    curves_figure,
    distance_figure,
    dot_products_figure,
    sinusoid_names,
    table_figure,
)
from explorer.figures.shifts import MOST_PAIRS, shift_map_figure, shifted_row_figure
from explorer.figures.sinusoids import dot_products_by_distance, shift_error
from explorer.figures.standalone import Picture
from explorer.frame import Shown, note

FEWEST_POSITIONS, MOST_POSITIONS = 64, 128


def draw_picture(shown: Shown) -> list[Picture]:
    """Draw what the view names; returns the pictures drawn."""
    return _PICTURES[shown.view.picture](shown)


def _curves(shown: Shown) -> list[Picture]:
    config, view = engine.model_config(shown.folder), shown.view
    names = _dimension_names(config)
    st.multiselect(
        "Dimensions",
        range(config.d_model),
        format_func=names.__getitem__,
        max_selections=positions.MOST_CURVES,
        **session.bind_view("dimensions", list(view.dimensions)),
    )
    _extent(shown)
    table, words = _rows(shown)
    chosen = [names[dimension] for dimension in view.dimensions]
    drawn = _plot(
        curves_figure(table, dimensions=view.dimensions, names=chosen, words=words),
        "Chosen dimensions of the position table as curves over positions",
    )
    if config.positions == "learned":
        note(
            "Follow one curve: it is one column of the table, and training found each of its points "
            "by itself (section 3.5; row (E) of Table 3)."
        )
    else:
        note(
            "Follow one curve: it is a sine or cosine of the position, and each pair of dimensions "
            "has its own wavelength, from 2π to 10000 · 2π (section 3.5). Fast ones tell "
            "neighbours apart, slow ones tell early from late."
        )
    return [drawn]


def _table(shown: Shown) -> list[Picture]:
    _extent(shown)
    table, words = _rows(shown)
    drawn = _plot(table_figure(table, words=words), "The position table, a row for each position")
    what = "learned" if engine.model_config(shown.folder).positions == "learned" else "fixed"
    note(
        f"Read a row: it is the {what} vector that is added to the embedding (times √d_model) of "
        "whatever stands there, in the encoder and in the decoder alike (section 3.5)."
    )
    return [drawn]


def _distance(shown: Shown) -> list[Picture]:
    _extent(shown)
    table, words = _rows(shown)
    left, right = st.columns(2, gap="large")
    with left:
        products = _plot(
            dot_products_figure(table, words=words), "PE·PEᵀ, a row and a column a position"
        )
    with right:
        by_distance = _plot(
            distance_figure(table), "Dot product of two positions over their distance"
        )
    found = dot_products_by_distance(table)
    spread = float((found.highest - found.lowest).max())
    why = (
        "sin a · sin b + cos a · cos b = cos(a − b), so the dot product of two rows depends on "
        "their distance alone, by the formulas of section 3.5"
        if engine.model_config(shown.folder).positions != "learned"
        else "Nothing makes the dot product of two learned rows depend on their distance alone, by the formulas of section 3.5"
    )
    note(
        f"Look along a diagonal: {why}. Over equal distances it differs by at most "
        f"{spread:.2g} here."
    )
    return [products, by_distance]


def _shift(shown: Shown) -> list[Picture]:
    config, view = engine.model_config(shown.folder), shown.view
    halves = config.positions == "sinusoidal_halves"
    words = [piece_label(piece.name) for piece in shown.trace.source.pieces]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "p",
            range(len(words)),
            format_func=lambda p: f"{p}: {words[p]}",
            width=220,
            **session.bind_view("position", view.position),
        )
        choose_k(shown, "k")
    table = engine.position_table(shown.folder)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(_heading(f"The matrix M for k = {view.k}, the same for every p"))
        matrix = _plot(
            shift_map_figure(config.d_model, view.k, halves=halves), "The matrix of the shift"
        )
    with right:
        there = f"{view.position + view.k}{_at(words, view.position + view.k)}"
        st.markdown(_heading(f"From p = {view.position}{_at(words, view.position)} to {there}"))
        moved = _plot(
            shifted_row_figure(table, k=view.k, position=view.position, halves=halves),
            "The row of p, the row of p + k, and what the matrix makes of the row of p",
        )
    note(
        "Each ring should hold a blue dot: one fixed matrix, a rotation of every pair of "
        "dimensions, turns PE(p) into PE(p + k) for every p (section 3.5). Largest difference over "
        f"all {len(table) - view.k:,} p and {config.d_model} dimensions of this model's table: "
        f"{shift_error(table, view.k, halves=halves):.1e}. Of M, the "
        f"{min(MOST_PAIRS, config.d_model // 2)} fastest pairs are drawn."
    )
    return [matrix, moved]


def _at(words: Sequence[str], position: int) -> str:
    return f" (“{frame.plain(words[position])}”)" if position < len(words) else ""


def _heading(text: str) -> str:
    return f"**{text}**"


def _learned(shown: Shown) -> list[Picture]:
    _extent(shown)
    table, _ = _rows(shown)
    n, d_model = table.shape
    if d_model % 2:
        st.info(
            f"d_model = {d_model} is odd: sinusoids pair sines with cosines, and cannot be drawn."
        )
        return []
    sinusoids = engine.sinusoid_table(n, d_model)
    drawn = _plot(compare_tables_figure(table, sinusoids), "The learned table beside sinusoids")
    note(
        "Compare the lower pictures: if near positions look alike and far ones do not, training has "
        "found by itself what sinusoids are given. The paper found nearly identical results with "
        "either (section 3.5, row (E) of Table 3)."
    )
    return [drawn]


def _extent(shown: Shown) -> None:
    names = {
        "many": f"The first {_n_positions(shown)}",
        "sentence": "This sentence only",
    }
    st.radio(
        "Positions",
        list(names),
        format_func=names.__getitem__,
        horizontal=True,
        **session.bind_view("extent", shown.view.extent),
    )


def choose_k(shown: Shown, label: str) -> None:
    """k of PE(p + k), as far as the whole sentence stays in the table."""
    most = engine.model_config(shown.folder).max_positions - len(shown.trace.source.pieces)
    st.number_input(label, 0, most, width=140, **session.bind_view("k", shown.view.k))


def _rows(shown: Shown) -> tuple[NDArray[np.float32], list[str]]:
    """The rows of the table that are on show, and the words at the first of them."""
    words = [token_label(piece.name) for piece in shown.trace.source.pieces]
    n = _n_positions(shown) if shown.view.extent == "many" else len(words)
    return engine.position_table(shown.folder)[:n], words[:n]


def _n_positions(shown: Shown) -> int:
    """As many positions as the sentence has, within bounds that make a picture."""
    config = engine.model_config(shown.folder)
    n = min(max(len(shown.trace.source.pieces), FEWEST_POSITIONS), MOST_POSITIONS)
    return min(n, config.max_positions)


def _dimension_names(config: engine.ModelConfig) -> list[str]:
    every = range(config.d_model)
    if config.positions == "learned":
        return [str(dimension) for dimension in every]
    return sinusoid_names(config.d_model, every, halves=config.positions == "sinusoidal_halves")


def _plot(figure: go.Figure, alt: str) -> Picture:
    st.plotly_chart(figure, alt=alt, config={"displaylogo": False})
    return Picture(alt, figure)


_PICTURES = {
    "curves": _curves,
    "table": _table,
    "distance": _distance,
    "shift": _shift,
    "learned": _learned,
}
