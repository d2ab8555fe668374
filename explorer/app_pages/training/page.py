"""One sentence along a training, and curves of trainings, finished or running."""

import dataclasses
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from core.checkpoint.listing import HistoryEntry, timeline_steps
from core.system.text_tables import Cells, csv_table, latex_table
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
from explorer.app_pages.training.learned import draw_learned
from explorer.app_pages.training.progress import progress_line
from explorer.app_pages.training.timeline import draw_timeline, settle_snapshot
from explorer.choice import session
from explorer.choice.examples import CAPTION
from explorer.choice.page_context import PageContext
from explorer.engine import trainings
from explorer.engine.checkpoints import NoCheckpointError, checkpoint_roots, every_checkpoint
from explorer.engine.heavy import visit
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import Pictures, save_table
from explorer.frame.messages import note, notice, plain
from explorer.frame.sentence_page import PageInputs

READ_EVERY_S = 5.0
Trainings = dict[str, HistoryEntry]

TITLE = "How did it learn?"
LEAD = (
    "Press Play: the same sentence, translated by one model at several moments of its training. "
    "Early on it repeats one word; later most words are right."
)
TERMS = ("probability", "head", "cross-attention", "perplexity", "BLEU")
IN_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}
KEEP = (
    "`python -m core train` keeps five early states of a model; this one was trained without them, "
    "or with `--early-snapshots 0`."
)


def page() -> None:
    """Curves need neither a sentence nor a model: they are drawn without them too."""
    asked = sentence_page.open_page(TITLE, LEAD, usual_text=CAPTION)
    played = _played(asked) if asked else None
    sentence_page.show_sentence(
        played,
        TITLE,
        draw,
        settle_snapshot,
        terms=TERMS,
        fields=(TrainingFields,),
        takes_typed=False,
    )
    _curves(played)


def _played(asked: PageInputs) -> PageInputs:
    """The model on show: the reader's, or one that kept snapshots, with a line that says so."""
    if timeline_steps(asked.folder):
        return asked
    try:
        models = every_checkpoint()
    except NoCheckpointError:
        return asked
    other = trainings.with_timeline(models)
    name = next(item.name for item in models if item.folder == asked.folder)
    is_own = session.choice().of(TrainingFields).own or other is None
    with st.container(horizontal=True, vertical_alignment="center"):
        if is_own:
            st.markdown(f"The chosen model, {plain(name)}, was saved only at the end. {KEEP}")
        elif other:
            n = len(timeline_steps(other.folder)) + 1
            st.markdown(
                f"The chosen model, {plain(name)}, was saved only at the end. Shown: {_model(other.name)}, saved at "
                f"{IN_NUMBERS.get(n, n)} moments."
            )
        if other:
            st.button(
                f"Show {_model(other.name)}" if is_own else f"Show {plain(name)} as it is",
                on_click=session.change,
                args=(TrainingFields,),
                kwargs={"own": not is_own, "snapshot": None},
                type="tertiary",
                icon=":material/swap_horiz:",
            )
    if is_own or not other:
        return asked
    unchanged = asked.choice.with_run(ablation="", prefix=(), target="")
    return dataclasses.replace(asked, folder=other.folder, choice=unchanged)


def _model(name: str) -> str:
    return "Table 3's base" if name == "table3/base" else plain(name)


def _curves(played: PageInputs | None) -> None:
    st.subheader("Loss, perplexity and BLEU along the training", anchor=False)
    found = _trainings()
    if found:
        chosen = _choose(found, played)
        is_live = any(not item.is_finished for item in chosen)
        steps = _marks(chosen, played)
        if steps:
            note("Dotted lines: the moments above.")
        st.fragment(_draw_curves, run_every=READ_EVERY_S if is_live else None)(chosen, steps)
    else:
        st.info(
            "No training has left reports here yet. `python -m core train` writes them to "
            "`runs/NAME/history.jsonl` as it goes, and they are drawn here while it runs."
        )


def _marks(chosen: Sequence[HistoryEntry], played: PageInputs | None) -> list[int]:
    """The steps of the film, if the training that it is of is drawn over steps."""
    is_drawn = any(played and item.file.parent == played.folder for item in chosen)
    is_by_step = session.choice().of(TrainingFields).across == "step"
    return timeline_steps(played.folder) if played and is_drawn and is_by_step else []


def _trainings() -> Trainings:
    return {item.name: item for item in trainings.histories(checkpoint_roots())}


def label_of(item: HistoryEntry) -> str:
    """A training by the name of its checkpoint, wherever its files are."""
    return item.name if item.is_finished else f"{item.name.removeprefix('runs/')} (run folder)"


def _choose(found: Trainings, played: PageInputs | None) -> list[HistoryEntry]:
    wanted = session.choice().of(TrainingFields).runs
    lost = [name for name in wanted if name not in found]
    if lost:
        others = "the usual training is" if len(lost) == len(wanted) else "the others alone are"
        notice(f"No reports of {', '.join(lost)} are here; {others} chosen instead.")
    chosen = _chosen(found, played)
    st.multiselect(
        "Trainings",
        list(found),
        format_func=lambda name: label_of(found[name]),
        help="Finished ones by the name of their checkpoint; those in a run folder are running or "
        "were stopped, and are drawn on as they write.",
        **session.bind(TrainingFields, "runs", [item.name for item in chosen]),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.radio(
            "x-axis",
            list(ACROSS),
            format_func=ACROSS.__getitem__,
            horizontal=True,
            label_visibility="collapsed",
            **session.bind(TrainingFields, "across"),
        )
        st.toggle("log x-axis", **session.bind(TrainingFields, "log_x"))
        st.toggle(
            "log y-axis",
            help="Of the perplexity. The loss is a logarithm already.",
            **session.bind(TrainingFields, "log_y"),
        )
    return chosen


def _chosen(found: Trainings, played: PageInputs | None) -> list[HistoryEntry]:
    """Those that the reader chose; else the one that made the model on show, one that runs, or any."""
    chosen = [found[n] for n in session.choice().of(TrainingFields).runs if n in found]
    of_model = [item for item in found.values() if played and item.file.parent == played.folder]
    running = [item for item in found.values() if not item.is_finished]
    return chosen or [(*of_model, *running, *found.values())[0]]


def _read(chosen: Sequence[HistoryEntry]) -> dict[str, Reports]:
    """Label -> the reports so far of each; one that cannot be read says so on the page."""
    found: dict[str, Reports] = {}
    for item in chosen:
        try:
            found[label_of(item)] = trainings.history(item.file)
        except ValueError as error:
            notice(f"{label_of(item)} cannot be drawn: {error}.")
    return found


@visit()
def _draw_curves(chosen: Sequence[HistoryEntry], marks: Sequence[int]) -> None:
    """In a turn of its own where it is drawn again without the rest of the page."""
    histories = _read(chosen)
    _draw_progress(chosen, histories)
    for left in range(0, len(QUANTITIES), 2):
        for place, quantity in zip(
            st.columns(2, gap="large"), QUANTITIES[left : left + 2], strict=True
        ):
            with place:
                st.markdown(f"**{quantity.title}**", help=quantity.help)
                _draw_curve(histories, quantity, marks)
    with st.expander("Where each training stands, as a table"):
        summary = [training_summary(name, reports) for name, reports in histories.items()]
        st.dataframe(summary, hide_index=True, width="stretch")
        lines = table_of(summary)
        with st.container(horizontal=True, gap="small"):
            save_table("trainings", csv=lambda: csv_table(lines), latex=lambda: latex_table(lines))


def table_of(summary: Sequence[dict[str, object]]) -> list[Cells]:
    """The lines of a table of which each training fills what it has."""
    header = tuple(dict.fromkeys(name for line in summary for name in line))
    return [
        header,
        *(
            tuple("" if line.get(name) is None else str(line[name]) for name in header)
            for line in summary
        ),
    ]


def _draw_progress(chosen: Sequence[HistoryEntry], histories: dict[str, Reports]) -> None:
    running = [item for item in chosen if not item.is_finished and label_of(item) in histories]
    for item in running:
        line = progress_line(
            histories[label_of(item)], trainings.planned_steps(item), trainings.unwritten_s(item)
        )
        st.markdown(f"**{plain(label_of(item))}**: {line}")
    if running:
        note(f"Read again every {READ_EVERY_S:g} seconds.")


def _draw_curve(histories: dict[str, Reports], quantity: Quantity, marks: Sequence[int]) -> None:
    figure = _figure(session.choice().of(TrainingFields), histories, quantity, marks)
    if figure.data:
        draw_chart(
            figure,
            alt=f"{quantity.title} of {', '.join(histories)}",
            key=f"curves-{quantity.field}",
        )
    else:
        note("Not reported yet.")


def _figure(
    view: TrainingFields,
    histories: dict[str, Reports],
    quantity: Quantity,
    marks: Sequence[int] = (),
) -> go.Figure:
    return curves_figure(
        curves(histories, quantity, view.across),
        x_title=ACROSS[view.across],
        y_title=quantity.unit,
        log_x=view.log_x,
        log_y=view.log_y and quantity.may_be_log,
        marks=marks,
    )


def draw(shown: PageContext) -> Pictures:
    film = draw_timeline(shown)
    learned = draw_learned(shown)
    return lambda: [*film, *learned, *_curve_pictures(shown)]


def _curve_pictures(shown: PageContext) -> list[Picture]:
    found = _trainings()
    of_model = [item for item in found.values() if item.file.parent == shown.folder]
    view = shown.of(TrainingFields)
    chosen = [found[name] for name in view.runs if name in found] or of_model
    histories = _read(chosen)
    figures = [(quantity, _figure(view, histories, quantity)) for quantity in QUANTITIES]
    return [
        Picture(quantity.title, figure, quantity.help)
        for quantity, figure in figures
        if figure.data
    ]


page()
