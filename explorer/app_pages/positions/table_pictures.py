"""Pictures of the loaded model's position table, each with its controls and a note."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.analysis.positions import dot_products_by_distance, shift_error
from core.checkpoint.required import model_config_of
from core.config import ModelConfig
from explorer.app_pages.positions import choices
from explorer.app_pages.positions.fields import PositionsFields
from explorer.app_pages.positions.figures import (
    compare_tables_figure,
    curves_figure,
    distance_figure,
    dot_products_figure,
    sinusoid_names,
    table_figure,
)
from explorer.app_pages.positions.shift_figures import (
    MOST_PAIRS,
    shift_map_figure,
    shifted_row_figure,
)
from explorer.choice import session
from explorer.choice.page_context import PageContext
from explorer.engine.analyses import position_table, sinusoid_table
from explorer.figures.head import token_label
from explorer.figures.standalone import Picture
from explorer.frame.chart import draw_chart
from explorer.frame.messages import note, plain
from explorer.frame.pick import pick
from explorer.frame.wide import wide
from explorer.head.matrix import column_labels

FEWEST_POSITIONS, MOST_POSITIONS = 32, 128
LEAST_PX = 480
"""The least width of a picture with hundreds of columns; on a narrower screen it scrolls."""


def choose_of_table(shown: PageContext) -> None:
    """The controls of the picture that the view names."""
    _CONTROLS[shown.of(PositionsFields).picture](shown)


def draw_table(shown: PageContext) -> list[Picture]:
    """Draw the picture that the view names; returns what was drawn."""
    name = shown.of(PositionsFields).picture
    drawn = _PICTURES[name](shown)
    for index, picture in enumerate(drawn):
        st.markdown(f"**{plain(picture.title)}**")
        with wide(f"position-{name}-{index}", LEAST_PX):
            draw_chart(picture.shown, alt=picture.title)
    note(drawn[-1].note)
    return drawn


def _curves(shown: PageContext) -> list[Picture]:
    table, words = _rows(shown)
    names = _dimension_names(model_config_of(shown.folder))
    dimensions = shown.of(PositionsFields).dimensions
    chosen = [names[dimension] for dimension in dimensions]
    figure = curves_figure(table, dimensions=dimensions, names=chosen, words=words)
    what = (
        "it is one column of the table, and training found each of its points by itself (section "
        "3.5; row (E) of Table 3)."
        if _is_learned(shown)
        else "it is a sine or cosine of the position, and each pair of dimensions has its own "
        "wavelength, from 2π to 10000 · 2π (section 3.5). Fast ones tell neighbours apart, slow "
        "ones tell early from late."
    )
    return [Picture("Dimensions as curves over positions", figure, f"Follow one curve: {what}")]


def _table(shown: PageContext) -> list[Picture]:
    table, words = _rows(shown)
    what = "learned" if _is_learned(shown) else "fixed"
    return [
        Picture(
            "One row for each position, one column for each dimension",
            table_figure(table, words=words),
            f"A row is the {what} vector that is added to the embedding of the word that stands there, "
            "in the encoder and in the decoder alike (section 3.5). The framed rows are those of this "
            "sentence.",
        )
    ]


def _distance(shown: PageContext) -> list[Picture]:
    table, words = _rows(shown)
    found = dot_products_by_distance(table)
    spread = float((found.highest - found.lowest).max())
    why = (
        "nothing makes the dot product of two learned rows depend on their distance alone "
        "(section 3.5)"
        if _is_learned(shown)
        else "sin a · sin b + cos a · cos b = cos(a − b), so the dot product of two rows depends "
        "on their distance alone, by the formulas of section 3.5"
    )
    return [
        Picture("PE·PEᵀ, every position with every other", dot_products_figure(table, words=words)),
        Picture(
            "The same over the distance of the two",
            distance_figure(table),
            f"Look along a diagonal: {why}. Over equal distances it differs by at most "
            f"{spread:.2g} here.",
        ),
    ]


def _shift(shown: PageContext) -> list[Picture]:
    config, p, k = (
        model_config_of(shown.folder),
        shown.of(PositionsFields).position,
        shown.of(PositionsFields).k,
    )
    halves = config.positions == "sinusoidal_halves"
    table = position_table(shown.folder)
    error = shift_error(table, k, halves=halves)
    words = [f" (“{label}”)" for label in column_labels(shown.trace, "cross")]
    there = words[p + k] if p + k < len(words) else ""
    return [
        Picture(
            f"The matrix M for k = {k}, the same for every p",
            shift_map_figure(config.d_model, k, halves=halves),
        ),
        Picture(
            f"From p = {p}{words[p]} to {p + k}{there}",
            shifted_row_figure(table, k=k, position=p, halves=halves),
            "If one matrix turns PE(p) into PE(p + k) for every p, every ring sits on a dot. It does, "
            f"to {error:.0e}: that is the largest difference over all {len(table) - k:,} p and "
            f"{config.d_model} dimensions. The matrix rotates every pair of dimensions (section 3.5); "
            f"the {min(MOST_PAIRS, config.d_model // 2)} fastest pairs are drawn.",
        ),
    ]


def _learned(shown: PageContext) -> list[Picture]:
    table, _ = _rows(shown)
    n, d_model = table.shape
    if d_model % 2:
        return [
            Picture(
                "The learned table",
                table_figure(table),
                f"d_model = {d_model} is odd: sinusoids pair sines with cosines (section 3.5), so "
                "there are none to stand beside.",
            )
        ]
    return [
        Picture(
            "The learned table beside sinusoids",
            compare_tables_figure(table, sinusoid_table(n, d_model)),
            "Compare the lower pictures, cosines of every row p with every row q: if near positions look alike and far ones do not, "
            "training has found by itself what sinusoids are given. The paper found nearly "
            "identical results with either (section 3.5, row (E) of Table 3).",
        )
    ]


def _choose_dimensions(shown: PageContext) -> None:
    config = model_config_of(shown.folder)
    names = _dimension_names(config)
    st.multiselect(
        "Dimensions",
        range(config.d_model),
        format_func=names.__getitem__,
        max_selections=choices.MOST_CURVES,
        **session.bind(PositionsFields, "dimensions", list(shown.of(PositionsFields).dimensions)),
    )
    _choose_extent(shown)


def _choose_extent(shown: PageContext) -> None:
    names = {"many": f"The first {_n_positions(shown)}", "sentence": "This sentence only"}
    pick(
        "Positions",
        names,
        **session.bind(PositionsFields, "extent", shown.of(PositionsFields).extent),
    )


def _choose_shift(shown: PageContext) -> None:
    words = column_labels(shown.trace, "cross")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "p",
            range(len(words)),
            format_func=lambda p: f"{p}: {words[p]}",
            width=220,
            **session.bind(PositionsFields, "position", shown.of(PositionsFields).position),
        )
        choose_k(shown, "k")


def choose_k(shown: PageContext, label: str) -> None:
    """Ask for the k of PE(p + k), within the table."""
    config = model_config_of(shown.folder)
    lengths = choices.lengths(shown.trace, config)
    most = choices.most_shift(shown.of(PositionsFields), config, lengths)
    st.number_input(
        label, 0, most, width=140, **session.bind(PositionsFields, "k", shown.of(PositionsFields).k)
    )


def _is_learned(shown: PageContext) -> bool:
    return model_config_of(shown.folder).positions == "learned"


def _rows(shown: PageContext) -> tuple[NDArray[np.float32], Sequence[str]]:
    """The rows of the table on screen, and the words at the first positions."""
    words = [token_label(label) for label in column_labels(shown.trace, "cross")]
    n = _n_positions(shown) if shown.of(PositionsFields).extent == "many" else len(words)
    return position_table(shown.folder)[:n], words[:n]


def _n_positions(shown: PageContext) -> int:
    """The sentence's number of positions, within bounds that fit a picture."""
    n = min(max(2 * len(shown.trace.source.pieces), FEWEST_POSITIONS), MOST_POSITIONS)
    return min(n, model_config_of(shown.folder).max_positions)


def _dimension_names(config: ModelConfig) -> list[str]:
    every = range(config.d_model)
    if config.positions == "learned":
        return [str(dimension) for dimension in every]
    return sinusoid_names(config.d_model, every, halves=config.positions == "sinusoidal_halves")


_CONTROLS = {
    "curves": _choose_dimensions,
    "table": _choose_extent,
    "distance": _choose_extent,
    "shift": _choose_shift,
    "learned": _choose_extent,
}
_PICTURES = {
    "curves": _curves,
    "table": _table,
    "distance": _distance,
    "shift": _shift,
    "learned": _learned,
}
