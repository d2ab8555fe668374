"""Figures of a changed model: the probability of each step, its candidates, and BLEU.

Log-probabilities are in nats; labels are already escaped (`token_label`).
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures.axes import MARGIN, Array, label_axis, number_axis, signed
from explorer.figures.colours import OKABE_ITO, ROLES

BEFORE = "#808080"
AFTER = ROLES["attention"].mark
BAND = "rgba(129, 84, 168, 0.2)"
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
GROUP_SYMBOLS = ("circle", "square", "diamond")
LEAST = 1e-6
"""Smaller probabilities are drawn at the edge of a logarithmic axis."""


def steps_figure(
    names: Sequence[str], before_nats: Array, after_nats: Array, kl_nats: Array
) -> go.Figure:
    """The probability of each token of a translation, before and after a change.

    Args:
        before_nats, after_nats: log-probability of each piece.
        kl_nats: KL divergence of each step's distribution from the one before; shown on hover.

    Raises:
        ValueError: if there is not one number of each kind a name.
    """
    _check(names, before_nats, after_nats, kl_nats)
    hover = [
        f"{name}<br>Δ log-probability <b>{signed(after - before)}</b> nats<br>"
        f"KL(before ‖ after) {kl:.3f} nats"
        for name, before, after, kl in zip(names, before_nats, after_nats, kl_nats, strict=True)
    ]
    figure = go.Figure(
        [
            go.Bar(
                y=np.exp(nats),
                name=name,
                marker={"color": colour},
                customdata=hover,
                hovertemplate=f"%{{customdata}}<br>{name}: %{{y:.3f}}<extra></extra>",
            )
            for name, nats, colour in (
                ("before", before_nats, BEFORE),
                ("after", after_nats, AFTER),
            )
        ]
    )
    figure.update_layout(
        height=300,
        margin={**MARGIN, "t": 30},
        xaxis=label_axis(names, tickangle=-45),
        yaxis=number_axis("probability", range=[0, 1.02]),
        legend=LEGEND,
        bargap=0.25,
    )
    return figure


def candidates_figure(names: Sequence[str], before_nats: Array, after_nats: Array) -> go.Figure:
    """The probabilities of one step's candidates: a line from before to after.

    Raises:
        ValueError: if there is not one number of each kind a name.
    """
    _check(names, before_nats, after_nats)
    before, after = (np.maximum(np.exp(nats), LEAST) for nats in (before_nats, after_nats))
    rows = np.arange(len(names))
    figure = go.Figure()
    figure.add_scatter(
        x=np.stack([before, after, np.full(len(names), np.nan)], axis=1).ravel(),
        y=np.repeat(rows, 3),
        mode="lines", line={"color": BEFORE, "width": 1}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    for name, values, nats, marker in (
        ("before", before, before_nats, {"color": BEFORE, "symbol": "circle-open", "size": 11}),
        ("after", after, after_nats, {"color": AFTER, "symbol": "circle", "size": 10}),
    ):
        figure.add_scatter(
            x=values, y=rows, name=name, mode="markers", marker=marker,
            customdata=[[label, float(np.exp(value))] for label, value in zip(names, nats, strict=True)],
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{name}: %{{customdata[1]:.3g}}<extra></extra>",
        )  # fmt: skip
    ends = [np.log10(min(before.min(), after.min())) - 0.2, 0.1]
    figure.update_layout(
        height=90 + 30 * len(names),
        margin={**MARGIN, "t": 30},
        xaxis=number_axis(
            "probability, logarithmic", type="log", range=ends, dtick=1, tickformat="~g"
        ),
        yaxis=label_axis(names, autorange="reversed"),
        legend=LEGEND,
    )
    return figure


def _check(names: Sequence[str], *numbers: Array) -> None:
    if any(len(values) != len(names) for values in numbers):
        lengths = ", ".join(str(len(values)) for values in numbers)
        raise ValueError(f"{len(names)} names need as many numbers of each kind, not {lengths}")


def pruning_figure(
    curves: Sequence[tuple[str, Sequence[float], Sequence[float], Sequence[tuple[float, float]]]],
) -> go.Figure:
    """BLEU against the share of heads removed; the first curve with its 95 % interval.

    Args:
        curves: for each, its name, shares from 0 to 1, BLEU and its intervals; curves after the
            first are grey.

    Raises:
        ValueError: if there is no curve.
    """
    if not curves:
        raise ValueError("a picture of pruning needs at least one curve, but there is none")
    figure = go.Figure()
    _, shares, _, intervals = curves[0]
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=shares, y=[high for _, high in intervals], **edge)
    figure.add_scatter(
        x=shares, y=[low for low, _ in intervals], fill="tonexty", fillcolor=BAND, **edge
    )
    for index, (name, shares, bleu, intervals) in enumerate(curves):
        figure.add_scatter(
            x=shares, y=bleu, name=name, mode="lines+markers",
            line={"color": BEFORE if index else AFTER, "width": 1 if index else 2.5,
                  "dash": "dot" if index else "solid"},
            customdata=intervals,
            hovertemplate=f"{name}: %{{x:.0%}} of heads removed<br>BLEU <b>%{{y:.1f}}</b> "
            "(%{customdata[0]:.1f} to %{customdata[1]:.1f})<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        height=340,
        margin={**MARGIN, "t": 30},
        xaxis=number_axis("heads removed, share of all", tickformat=".0%"),
        yaxis=number_axis("BLEU", rangemode="tozero"),
        legend={**LEGEND, "traceorder": "normal"},  # else reversed, as something is filled
    )
    return figure


Points = tuple[str, Sequence[float], Sequence[float], Sequence[tuple[float, float]]]
"""A name, shares of heads removed, BLEU, and its intervals."""


def gates_figure(tuned: Points, others: Sequence[Points] = ()) -> go.Figure:
    """BLEU of a model that went on learning with fewer and fewer heads, beside other ways to have few.

    Args:
        tuned: drawn as a line.
        others: drawn as a dotted line, or as points alone if there are fewer than three.
    """
    figure = go.Figure()
    for index, (name, shares, bleu, intervals) in enumerate((tuned, *others)):
        is_line = index == 0 or len(shares) > 2
        figure.add_scatter(
            x=list(shares),
            y=list(bleu),
            name=name,
            mode="lines+markers" if is_line else "markers",
            line={"color": OKABE_ITO[index], "width": 1 if index else 2.5,
                  "dash": "dot" if index else "solid"},
            marker={"symbol": GROUP_SYMBOLS[index], "size": 8},
            error_y={"type": "data", "symmetric": False, "thickness": 1,
                     "array": [high - v for v, (_, high) in zip(bleu, intervals, strict=True)],
                     "arrayminus": [v - low for v, (low, _) in zip(bleu, intervals, strict=True)]},
            customdata=list(intervals),
            hovertemplate=f"{name}: %{{x:.0%}} of heads removed<br>BLEU <b>%{{y:.1f}}</b> "
            "(%{customdata[0]:.1f} to %{customdata[1]:.1f})<extra></extra>",
        )  # fmt: skip
    return figure.update_layout(
        height=340,
        margin={**MARGIN, "t": 30},
        xaxis=number_axis("heads removed, share of all", tickformat=".0%"),
        yaxis=number_axis("BLEU", rangemode="tozero"),
        legend=LEGEND,
    )


def worth_figure(
    groups: Sequence[tuple[str, Sequence[str], Sequence[float], Sequence[tuple[float, float]]]],
) -> go.Figure:
    """The change of BLEU without each head, largest loss first, with 95 % intervals.

    Args:
        groups: up to three kinds of heads: name, its heads' labels, changes, and their intervals.

    Raises:
        ValueError: if there is no head.
    """
    every = [value for _, _, values, _ in groups for value in values]
    if not every:
        raise ValueError(
            "a picture of the effects of heads needs at least one head, but there is none"
        )
    rank = iter(np.argsort(np.argsort(every)) + 1)
    figure = go.Figure()
    for index, (name, labels, values, intervals) in enumerate(groups):
        figure.add_scatter(
            x=[int(next(rank)) for _ in values], y=list(values), name=name,
            mode="markers",
            marker={"color": OKABE_ITO[index], "symbol": GROUP_SYMBOLS[index], "size": 7},
            error_y={"type": "data", "symmetric": False, "thickness": 1, "width": 0,
                     "array": [high - v for v, (_, high) in zip(values, intervals, strict=True)],
                     "arrayminus": [v - low for v, (low, _) in zip(values, intervals, strict=True)]},
            customdata=[[label, *map(signed, (value, *interval))]
                        for label, value, interval in zip(labels, values, intervals, strict=True)],
            hovertemplate="<b>%{customdata[0]}</b> left out<br>Δ BLEU <b>%{customdata[1]}</b> "
            "(%{customdata[2]} to %{customdata[3]})<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": BEFORE, "width": 1})
    figure.update_layout(
        height=360,
        margin={**MARGIN, "t": 30},
        xaxis=number_axis("heads, the most missed first"),
        yaxis=number_axis("Δ BLEU without the head"),
        legend=LEGEND,
    )
    return figure
