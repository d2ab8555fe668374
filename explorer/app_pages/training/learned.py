"""What the model had learnt at each of its snapshots: words, order, and where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st

from core.analysis.learning.results import Learning
from core.evaluation.ratios import Estimate
from explorer.choice.page_context import PageContext
from explorer.engine.learning import learning_of
from explorer.figures.axes import MARGIN, log_axis, number_axis
from explorer.figures.colours import OKABE_ITO
from explorer.figures.standalone import Picture
from explorer.frame.chart import draw_chart
from explorer.frame.messages import note, notice, plain

TITLE = "What did it learn first?"
HEIGHT_PX = 300
SAID = (
    "Measured on greedy translations of {n} sentences of {text}. Bars are 95 % intervals over sentences. A dashed line is "
    "the same of people’s translations. n-grams are counted on {language}. Words are linked by {aligner}. The share of the "
    "source is ALTI+, with people’s translations forced. Voita et al. 2021 saw three stages: the language first, then the "
    "right words, then their order. The page Claims says which of them are seen here."
)
FLUENT = (
    "After {step} steps the translations are as probable by {order}-grams as people’s, but BLEU is {bleu}; at the end it "
    "is {last}."
)
NO_WORDS = 1.0
"""BLEU below which a moment has no translations to speak of, whose words could be linked."""


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity at every moment, and of the references where they have it."""

    name: str
    at: Mapping[int, Estimate]
    reference: Estimate | None


def draw_learned(shown: PageContext) -> list[Picture]:
    """Draw what was measured of the model's snapshots; returns the pictures."""
    found = learning_of(shown.folder)
    if found is None:
        return []
    if isinstance(found, str):
        notice(found)
        return []
    st.subheader(TITLE, anchor=False)
    if fluent := fluent_in_words(found):
        st.markdown(fluent)
    pictures = []
    said = SAID.format(
        n=f"{found.n_sentences:,}",
        text=found.text,
        language=found.language_text,
        aligner=found.aligner,
    )
    panels = panels_of(found)
    for column, (title, unit, lines) in zip(
        st.columns(len(panels), gap="large"), panels, strict=True
    ):
        figure = moments_figure(lines, unit=unit)
        with column:
            st.markdown(f"**{title}**")
            draw_chart(figure, alt=title, key=f"learned-{title}")
        pictures.append(Picture(title, figure, said))
    note(plain(said))
    return pictures


def fluent_in_words(found: Learning) -> str:
    """When the translations first sound like the language, and how good they are then; empty if never."""
    order = max(found.reference.ngrams)
    least = found.reference.ngrams[order].value
    last = list(found.moments.values())[-1].bleu
    for step, moment in found.moments.items():
        if moment.ngrams[order].value >= least and moment.bleu and last:
            return FLUENT.format(
                step=f"{step:,}",
                order=order,
                bleu=f"{moment.bleu.value:.1f}",
                last=f"{last.value:.1f}",
            )
    return ""


def panels_of(found: Learning) -> list[tuple[str, str, list[Line]]]:
    """Title, unit and lines of each picture."""
    moments, reference = found.moments, found.reference
    ngrams = [
        Line(
            f"{n} word{'s' * (n > 1)}",
            {step: moment.ngrams[n] for step, moment in moments.items()},
            reference.ngrams[n],
        )
        for n in reference.ngrams
    ]
    order = Line(
        "order kept",
        {
            step: moment.kept_order
            for step, moment in moments.items()
            if moment.bleu and moment.bleu.value >= NO_WORDS
        },
        reference.kept_order,
    )
    share = Line(
        "source share",
        {step: moment.source_share for step, moment in moments.items() if moment.source_share},
        None,
    )
    return [
        ("Does it sound like the language?", "log-probability of a word, nats", ngrams),
        (
            "Does it keep the order of the source?",
            "share of neighbouring words in order",
            [order],
        ),
        ("How much comes from the source?", "share of the source", [share]),
    ]


def moments_figure(lines: list[Line], *, unit: str) -> go.Figure:
    """Quantities over the steps of the training, on a logarithmic axis."""
    figure = go.Figure()
    for number, line in enumerate(lines):
        steps, estimates = list(line.at), list(line.at.values())
        figure.add_scatter(
            x=steps,
            y=[each.value for each in estimates],
            error_y={
                "array": [each.interval_95[1] - each.value for each in estimates],
                "arrayminus": [each.value - each.interval_95[0] for each in estimates],
                "symmetric": False,
                "thickness": 1,
            },
            mode="lines+markers",
            name=line.name,
            line={"color": OKABE_ITO[number], "width": 2},
            hovertemplate=f"{line.name}<br>step %{{x:,}}: <b>%{{y:.2f}}</b><extra></extra>",
        )
        if line.reference:
            figure.add_hline(
                line.reference.value,
                line={"color": OKABE_ITO[number], "width": 1, "dash": "dash"},
            )
    return figure.update_layout(
        height=HEIGHT_PX,
        margin={**MARGIN, "t": 10},
        xaxis=log_axis("step"),
        yaxis=number_axis(unit, showgrid=True),
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        showlegend=len(lines) > 1,
    )
