"""Curves of trainings, finished or running, and one sentence at several steps of a training."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.checkpoint.bundled import FIRST
from core.checkpoint.listing import HistoryEntry
from explorer.app_pages.training.curves import (
    ACROSS,
    QUANTITIES,
    Quantity,
    Reports,
    curves,
    training_summary,
)
from explorer.app_pages.training.fields import TrainingFields
from explorer.app_pages.training.figures import curves_figure
from explorer.app_pages.training.timeline import draw_timeline, settle_snapshot
from explorer.choice import session
from explorer.choice.page_context import PageContext
from explorer.engine import trainings
from explorer.engine.checkpoints import checkpoint_root
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.downloads import Pictures
from explorer.frame.messages import note, notice

READ_EVERY_S = 5.0
Trainings = dict[str, HistoryEntry]


TITLE = "How did it learn?"
LEAD = (
    "Look for the bend in the curves; then, below, at what attention did with a sentence of yours "
    "before and after it."
)


def page() -> None:
    """Curves need neither a sentence nor a model: they stand above the shared controls."""
    asked = sentence_page.open_page(TITLE, LEAD)
    _curves()
    sentence_page.show_sentence(
        asked, TITLE, draw, settle_snapshot, fields=(TrainingFields,), takes_typed=False
    )


def _curves() -> None:
    st.subheader("Curves", anchor=False)
    trainings = _trainings()
    if trainings:
        chosen = _choose(trainings)
        is_live = any(not item.is_finished for item in chosen)
        st.fragment(_draw_curves, run_every=READ_EVERY_S if is_live else None)(chosen)
    else:
        st.info(
            "No training has left reports here yet. `python -m core train` writes them to "
            "`runs/NAME/history.jsonl` as it goes, and they are drawn here while it runs."
        )
    st.subheader("Watch the alignment appear", anchor=False)


def _trainings() -> Trainings:
    return {item.name: item for item in trainings.histories(checkpoint_root())}


def _choose(trainings: Trainings) -> list[HistoryEntry]:
    wanted = session.choice().of(TrainingFields).runs
    lost = [name for name in wanted if name not in trainings]
    if lost:
        others = "the usual training is" if len(lost) == len(wanted) else "the others alone are"
        notice(f"No reports of {', '.join(lost)} are here; {others} chosen instead.")
    chosen = _chosen(trainings)
    st.multiselect(
        "Trainings",
        list(trainings),
        help="Finished ones by the name of their checkpoint; below runs/ those that are running or "
        "were stopped, drawn on as they write.",
        **session.bind(TrainingFields, "runs", [item.name for item in chosen]),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.radio(
            "Across",
            list(ACROSS),
            format_func=ACROSS.__getitem__,
            horizontal=True,
            label_visibility="collapsed",
            **session.bind(TrainingFields, "across"),
        )
        st.toggle("Logarithmic across", **session.bind(TrainingFields, "log_x"))
        st.toggle(
            "Logarithmic upwards",
            help="All but BLEU, which begins at 0",
            **session.bind(TrainingFields, "log_y"),
        )
    return chosen


def _chosen(trainings: Trainings) -> list[HistoryEntry]:
    """Those that the reader chose; else the one that made the model on show, or the first."""
    choice = session.choice()
    chosen = [trainings[name] for name in choice.of(TrainingFields).runs if name in trainings]
    usual = trainings.get(choice.run.model or FIRST) or next(iter(trainings.values()))
    return chosen or [usual]


def _read(chosen: Sequence[HistoryEntry]) -> dict[str, Reports]:
    """The reports so far of each; one that cannot be read says so on the page."""
    found: dict[str, Reports] = {}
    for item in chosen:
        try:
            found[item.name] = trainings.history(item.file)
        except ValueError as error:
            notice(f"{item.name} cannot be drawn: {error}.")
    return found


def _draw_curves(chosen: Sequence[HistoryEntry]) -> None:
    histories = _read(chosen)
    for left in range(0, len(QUANTITIES), 2):
        for place, quantity in zip(
            st.columns(2, gap="large"), QUANTITIES[left : left + 2], strict=True
        ):
            with place:
                st.markdown(f"**{quantity.title}**", help=quantity.help)
                _draw_curve(histories, quantity)
    if any(not item.is_finished for item in chosen):
        note(f"Looked at every {READ_EVERY_S:g} seconds: a running training draws on by itself.")
    with st.expander("Where each training stands, as a table"):
        st.dataframe(
            [training_summary(name, reports) for name, reports in histories.items()],
            hide_index=True,
            width="stretch",
        )


def _draw_curve(histories: dict[str, Reports], quantity: Quantity) -> None:
    figure = _figure(histories, quantity)
    if figure.data:
        st.plotly_chart(
            figure,
            alt=f"{quantity.title} of {', '.join(histories)}",
            key=f"curves-{quantity.field}",
            config={"displaylogo": False},
        )
    else:
        note("Not reported yet.")


def _figure(histories: dict[str, Reports], quantity: Quantity) -> go.Figure:
    view = session.choice().of(TrainingFields)
    return curves_figure(
        curves(histories, quantity, view.across),
        x_title=ACROSS[view.across],
        y_title=quantity.unit,
        log_x=view.log_x,
        log_y=view.log_y and quantity.may_be_log,
    )


def draw(shown: PageContext) -> Pictures:
    head = draw_timeline(shown)
    return lambda: [*_curve_pictures(), *head]


def _curve_pictures() -> list[Picture]:
    trainings = _trainings()
    histories = _read(_chosen(trainings)) if trainings else {}
    figures = [(quantity, _figure(histories, quantity)) for quantity in QUANTITIES]
    return [
        Picture(quantity.title, figure, quantity.help)
        for quantity, figure in figures
        if figure.data
    ]


page()
