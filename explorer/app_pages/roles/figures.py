"""Colours and words of roles, and the picture of the layers that align."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.analysis.alignment.step_names import STEP_NAMES
from core.analysis.head_place import HeadPlace
from core.analysis.roles.roles import DEFINITIONS, Name, Roles, RoleScore
from core.config import Kind
from core.system.json_files import built
from explorer.components.overview.component import Painted
from explorer.figures.axes import MARGIN, label_axis
from explorer.figures.colours import OKABE_ITO, blended, ink_on, measure_colour

COLOURS: Mapping[Name, str] = {
    "positional": OKABE_ITO[0],
    "rare_word": OKABE_ITO[3],
    "sink": OKABE_ITO[7],
    "aligner": OKABE_ITO[2],
    "copying": OKABE_ITO[5],
    "syntactic": OKABE_ITO[1],
}
NO_ROLE = "transparent"
FAINTEST = 0.35
"""The share of a role's colour that the weakest head with it has."""
SHORT = {
    "itself": "0", "the piece before it": "−1", "the piece after it": "+1",
    "2 pieces before it": "−2", "2 pieces after it": "+2", "3 pieces before it": "−3",
    "3 pieces after it": "+3", "a special token": "</s>", "the last full stop": ".",
    "the rarest word": "rare",
}  # fmt: skip
"""What a square says of what its head attends to."""


def short(score: RoleScore, kind: Kind) -> str:
    """A role in the room of a square."""
    if score.name == "aligner":
        return "AWI" if "AWI" in score.what else "AWO"
    if score.name == "copying":
        return "copy"
    if score.name == "syntactic":
        return score.what.partition(":")[0]
    if score.name == "sink" and kind == "decoder":
        return "<s>"
    return SHORT.get(score.what, score.what)


def squares(roles: Roles, kind: Kind, shape: tuple[int, int]) -> Painted:
    """Every head of a kind in the colour of its role; without one, empty."""
    colours, labels, names = [], [], []
    for layer, head in np.ndindex(shape):
        place = HeadPlace(kind, layer, head)
        main = roles.main(place)
        colours.append(colour(main) if main else NO_ROLE)
        labels.append(short(main, kind) if main else "")
        names.append(in_words(main) if main else "no role")
    return Painted("role", colours, labels, names)


def colour(score: RoleScore) -> str:
    """A role's colour, the fainter the weaker the head plays it."""
    share = FAINTEST + (1 - FAINTEST) * min(max(score.strength, 0.0), 1.0)
    return blended(COLOURS[score.name], share)


def in_words(score: RoleScore) -> str:
    """`Positional: the piece before it, in 76 % of its queries`."""
    return (
        f"{DEFINITIONS[score.name].title}: {score.what}, in {score.score.value:.0%} of its queries"
    )


def legend(roles: Roles) -> str:
    """Each role that heads have, with its colour and their number; as HTML."""
    held = [main.name for place in roles.scores if (main := roles.main(place))]
    counts = Counter(held)
    chips = [
        f'<span class="role"><span style="background:{COLOURS[name]};color:{ink_on(COLOURS[name])}">'
        f"{counts[name]}</span> {DEFINITIONS[name].title.lower()}: "
        f"{html.escape(DEFINITIONS[name].about)}</span>"
        for name in DEFINITIONS
        if counts[name]
    ]
    n_none = len(roles.scores) - len(held)
    chips.append(f'<span class="role"><span class="none">{n_none}</span> no role of these</span>')
    return f'<div class="role-legend">{"".join(chips)}</div>'


def layer_rows(alignment: Mapping[str, object]) -> dict[str, list[tuple[float, float, float]]]:
    """`AWO, weights` -> [value, low, high] for each layer; empty if they were not measured."""
    layers = alignment.get("layers")
    try:
        checked: dict[str, dict[str, list[tuple[float, float, float]]]] = built(
            dict[str, dict[str, list[tuple[float, float, float]]]], layers
        )
    except ValueError:
        return {}
    rows = {
        f"{STEP_NAMES[step]}, {values}": by_step[step]
        for values, by_step in checked.items()
        for step in STEP_NAMES
        if step in by_step
    }
    is_whole = len({len(cells) for cells in rows.values()}) == 1 and all(rows.values())
    return rows if is_whole else {}


def layers_figure(
    rows: Sequence[str], values: np.ndarray[Any, Any], *, number: str, low_is_good: bool
) -> go.Figure:
    """How well every layer aligns, a row for each reading.

    Args:
        values: rows x layers, 0 to 1.
    """
    shares = (values - values.min()) / max(float(np.ptp(values)), 1e-9)
    colours = [
        [measure_colour(float(s)) for s in row] for row in (1 - shares if low_is_good else shares)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            customdata=values,
            colorscale="Cividis",
            reversescale=low_is_good,
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate=f"%{{y}}, %{{x}}: {number} %{{customdata:.1%}}<extra></extra>",
        )
    )
    at = list(np.ndindex(values.shape))
    figure.add_scatter(
        x=[column for _, column in at],
        y=[row for row, _ in at],
        mode="text",
        text=[f"{100 * values[place]:.1f}" for place in at],
        textfont={"color": [ink_on(colours[row][column]) for row, column in at], "size": 13},
        hoverinfo="skip",
        showlegend=False,
    )
    return figure.update_layout(
        height=60 + 44 * len(rows),
        margin=MARGIN,
        xaxis=label_axis([f"layer {n}" for n in range(1, values.shape[1] + 1)], side="top"),
        yaxis=label_axis(list(rows), autorange="reversed"),
    )
