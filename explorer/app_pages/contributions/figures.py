"""The source's share along the output, over a text and in the sentence on screen; and over a training."""

from collections.abc import Sequence

import plotly.graph_objects as go

from core.analysis.contributions.results import SourceShares
from core.evaluation.ratios import Estimate
from explorer.figures.axes import MARGIN, Array, number_axis
from explorer.figures.colours import OKABE_ITO, ROLES
from explorer.figures.head import token_label

HEIGHT_PX = 320
END = token_label("</s>")
LEGEND = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}


ALONG_NOTE = (
    "Over {n} sentences of {text} the share goes from {first} in the first part of the output to {last} in the last, "
    "and is {end} where </s> is written (it falls along the output in Voita et al. 2021 too). With translations "
    "exchanged among the sentences its mean is {exchanged} in place of {mean}, and {caught} of them fall below what "
    "99 of 100 sentences have: a low share is a sign that the output has left its source, a usual one proves nothing."
)


def along_note(usual: SourceShares, text: str) -> str:
    """What was measured over a text, in words.

    Args:
        text: its name, escaped.
    """
    first, last = (usual.along[0], usual.along[-1]) if usual.along else (usual.mean, usual.mean)
    return ALONG_NOTE.format(
        n=f"{usual.n_sentences:,}",
        text=text,
        first=f"{first.value:.0%}",
        last=f"{last.value:.0%}",
        end=f"{usual.at_end.value:.0%}",
        exchanged=f"{usual.exchanged.value:.1%}",
        mean=f"{usual.mean.value:.1%}",
        caught=f"{usual.caught:.0%}",
    )


def along_figure(usual: SourceShares | None, shares: Array, steps: Sequence[str]) -> go.Figure:
    """Each step of the sentence as a dot, and the mean of the text with its interval.

    Args:
        shares: of the sentence's steps, the end token last.
        steps: what each step writes, already escaped.
    """
    n = len(shares) - 1
    figure = go.Figure()
    if usual and usual.along:
        parts = len(usual.along)
        at = [(number + 0.5) / parts for number in range(parts)]
        _add_estimates(
            figure, at, usual.along, f"mean of {usual.n_sentences:,} sentences", joined=True
        )
        _add_estimates(figure, [1.05], [usual.at_end], f"of their {END}", joined=False)
    figure.add_scatter(
        x=[*((step + 0.5) / max(n, 1) for step in range(n)), 1.05],
        y=shares,
        text=list(steps),
        mode="markers",
        name="this sentence",
        marker={"size": 8, "color": ROLES["attention"].mark},
        hovertemplate="%{text}: %{y:.0%} from the source<extra></extra>",
    )
    return figure.update_layout(
        height=HEIGHT_PX,
        margin=MARGIN,
        legend=LEGEND,
        xaxis=number_axis(
            "place in the output",
            tickvals=[0, 0.25, 0.5, 0.75, 1, 1.05],
            ticktext=["first", "", "middle", "", "last", END],
            range=[-0.02, 1.09],
        ),
        yaxis=number_axis("share of the source", range=[0, 1.02], tickformat=".0%", showgrid=True),
    )


def snapshots_figure(usual: SourceShares) -> go.Figure:
    """The mean share with the weights of each moment of the training."""
    figure = go.Figure()
    _add_estimates(
        figure, list(usual.snapshots), list(usual.snapshots.values()), "mean", joined=True
    )
    return figure.update_layout(
        height=HEIGHT_PX - 40,
        margin=MARGIN,
        showlegend=False,
        xaxis=number_axis(
            "step of the training",
            type="log",
            tickvals=list(usual.snapshots),
            ticktext=[f"{step:,}" for step in usual.snapshots],
        ),
        yaxis=number_axis("share of the source", range=[0, 1.02], tickformat=".0%", showgrid=True),
    )


def _add_estimates(
    figure: go.Figure,
    at: Sequence[float],
    estimates: Sequence[Estimate],
    name: str,
    *,
    joined: bool,
) -> None:
    values = [each.value for each in estimates]
    figure.add_scatter(
        x=list(at),
        y=values,
        error_y={
            "array": [each.interval_95[1] - each.value for each in estimates],
            "arrayminus": [each.value - each.interval_95[0] for each in estimates],
            "symmetric": False,
            "color": "#808080",  # seen on both backgrounds
        },
        mode="lines+markers" if joined else "markers",
        name=name,
        marker={"size": 7, "color": OKABE_ITO[0], "symbol": "diamond"},
        line={"color": OKABE_ITO[0], "width": 2},
        hovertemplate="%{y:.1%}<extra></extra>",
    )
