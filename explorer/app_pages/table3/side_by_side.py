"""One sentence through up to four models of Table 3: the translations, and every head of each."""

from collections.abc import Sequence

import streamlit as st

from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace, mean_probability
from core.experiments.table3.report import trained_with
from core.text.pieces import normalise
from core.text.word_diff import word_diff
from explorer.app_pages.registry import PAGES
from explorer.app_pages.table3.fields import Table3Fields
from explorer.app_pages.table3.rows import BASE, how_trained, row_named
from explorer.choice import session
from explorer.choice.choice import Run
from explorer.components.overview import component as overview
from explorer.components.overview.component import TILES_NOTE
from explorer.engine import traces
from explorer.engine.checkpoints import (
    NoCheckpointError,
    best_head,
    every_checkpoint,
)
from explorer.engine.table3 import PaperAndOurs
from explorer.figures.standalone import Mounted, Picture
from explorer.figures.words import marked_words
from explorer.frame.downloads import share
from explorer.frame.messages import note, notice, plain
from explorer.frame.self_check import draw_self_check
from explorer.frame.sentence_page import PageInputs
from explorer.frame.wide import wide

LEAST_TILE_PX, LABELS_PX = 22, 70
NOTHING = (
    "No row can be loaded yet, so there is nothing to translate with. "
    "`python -m core table3 --width 1/4 --depth 1/2 --data data/en-de --output checkpoints/table3` "
    "trains them one after the other, and each appears here when it is finished."
)
PREFERRED = (BASE, "A-h1", "C-N2", "big")
MOST_COMPARED = 4

Models = dict[str, str]
"""Row -> the name its checkpoint is listed by."""


def draw_rows(
    family: PaperAndOurs, title: str, charts: list[Picture], asked: PageInputs | None
) -> tuple[str, ...]:
    """Draw the part of the page below the charts; returns the variants it shows.

    Args:
        charts: pictures from above, for the page's file.
        asked: the bar, whose sentence is translated; None if there is no model.
    """
    st.subheader("One sentence through several models", anchor=False)
    models = _models(family)
    if not models or not asked:
        st.info(NOTHING)
        return ()
    rows = _choose(family, list(models))
    _notice_damage(family, rows)
    traces = _traces(family, rows if BASE not in models else [BASE, *rows])
    if traces:
        drawn = _draw_models(family, rows, traces, models)
        with asked.saving:
            fields = session.choice().of(Table3Fields).replace(compared=tuple(rows))
            share(session.choice().with_fields(fields), title, lambda: [*charts, *drawn])
        for row in rows:
            draw_self_check(family.folder / row, _run(), traces[row], row)
    return tuple(rows)


def _notice_damage(family: PaperAndOurs, rows: Sequence[str]) -> None:
    for row in rows:
        for text in traces.notices(family.folder / row):
            notice(f"{text}.")


def _models(family: PaperAndOurs) -> Models:
    """The variants that can be loaded."""
    try:
        found = every_checkpoint()
    except NoCheckpointError:
        return {}
    names = {item.folder: item.name for item in found if item.problem is None}
    rows = {row.name: family.folder / row.name for row in family.ours.rows}
    return {row: names[folder] for row, folder in rows.items() if folder in names}


def _choose(family: PaperAndOurs, available: list[str]) -> list[str]:
    wanted = session.choice().of(Table3Fields).compared
    lost = [name for name in wanted if name not in available]
    if lost:
        notice(
            f"No weights of {', '.join(lost)} are here; choose from the rows that can be loaded."
        )
    chosen = chosen_rows(wanted, available)
    base = row_named(family.ours.rows, BASE).sizes
    st.multiselect(
        f"Up to {MOST_COMPARED} rows, each a model of its own",
        available,
        format_func=lambda name: (
            f"{name}: {trained_with(row_named(family.ours.rows, name).sizes, base)}"
        ),
        max_selections=MOST_COMPARED,
        **session.bind(Table3Fields, "compared", chosen),
    )
    return chosen


def chosen_rows(wanted: Sequence[str], available: Sequence[str]) -> list[str]:
    """Up to four rows to translate side by side: the reader's, or some of very different shapes."""
    chosen = [name for name in wanted if name in available]
    usual = [name for name in (*PREFERRED, *available) if name in available]
    return (chosen or list(dict.fromkeys(usual)))[:MOST_COMPARED]


def _run() -> Run:
    """The reader's sentence and search on the unchanged models, without a fixed prefix."""
    return session.choice().run.replace(model=None, prefix=(), target="", ablation="")


def _traces(family: PaperAndOurs, rows: list[str]) -> dict[str, Trace]:
    """The sentence through each row; none, with a message on the page, if it cannot be translated."""
    try:
        text = normalise(session.choice().run.text)
        if not text:
            st.info("Type a sentence above, or choose one of the examples.")
            return {}
        with st.spinner("Translating with every row…"):
            return {row: traces.trace(family.folder / row, _run()) for row in rows}
    except ValueError as error:
        st.error(f"This text cannot be translated: {plain(str(error))}.")
        return {}


def _draw_models(
    family: PaperAndOurs, rows: list[str], traces: dict[str, Trace], models: Models
) -> list[Picture]:
    drawn = []
    for left in range(0, len(rows), 2):
        pair = rows[left : left + 2]
        for place, row in zip(st.columns(2, gap="large"), pair, strict=False):
            with place:
                _draw_translation(family, row, traces)
                drawn.append(_draw_heads(family, row, traces[row], models[row]))
    marked = "Marked: words that base's translation has not. " if BASE in traces else ""
    note(
        f"{marked}The share is the geometric mean of the probabilities of a translation's pieces. "
        f"{TILES_NOTE}"
    )
    return drawn


def _draw_translation(family: PaperAndOurs, row: str, traces: dict[str, Trace]) -> None:
    variant, base = row_named(family.ours.rows, row), row_named(family.ours.rows, BASE)
    st.markdown(f"**{row}**, trained with {plain(trained_with(variant.sizes, base.sizes))}")
    text = traces[row].target.text
    runs = word_diff(traces[BASE].target.text if BASE in traces else text, text)
    now = [(run.text, run.change == "added") for run in runs if run.change != "removed"]
    st.html(marked_words(now))
    how = f"; {how_trained(variant, variant.measured)}" if variant.measured else ""
    note(plain(f"{mean_probability(traces[row]):.0%} a piece{how}"))


def _draw_heads(family: PaperAndOurs, row: str, trace: Trace, model: str) -> Picture:
    """All heads of cross-attention; a click enlarges one, a button opens it on Heads."""
    weights = trace.weights["cross"]
    n_layers, n_heads = weights.shape[:2]
    best, key = best_head(family.folder / row, trace), f"heads-{row}"
    clicked = overview.chosen_head(key)
    chosen = HeadPlace.numbered("cross", *clicked) if clicked else best.place
    place = chosen.within(n_layers, n_heads)
    with wide(f"wide-{row.replace('.', '-')}", LABELS_PX + LEAST_TILE_PX * n_heads):
        overview.overview(weights, place, key=key, on_choice=_redraw)
    if st.button("Open this head in Heads", key=f"open-{row}", type="tertiary"):
        session.change_run(model=model)
        session.show_head(place)
        st.switch_page(PAGES["Heads"])
    payload = overview.payload(weights, place)
    return Picture(
        f"{row}: cross-attention, {n_layers} x {n_heads} heads",
        Mounted(overview.SCRIPT, overview.STYLE, payload),
        f"{trace.source.text} → {trace.target.text}",
    )


def _redraw() -> None:
    """Redraw after a click; the component remembers it, the link does not."""
