"""One sentence through up to four models of Table 3: the translations, and every head of each."""

import html
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.analysis.head_place import HeadPlace
from core.analysis.trace.trace import Trace, mean_probability
from core.text.pieces import normalise
from core.text.word_diff import word_diff
from explorer.app_pages.registry import PAGES
from explorer.app_pages.table3.changes import change_in_words
from explorer.app_pages.table3.fields import Table3Fields
from explorer.app_pages.table3.likeness import REFERENCES, unlike_captions
from explorer.app_pages.table3.rows import BASE, row_named
from explorer.choice import session
from explorer.choice.choice import Run
from explorer.choice.examples import CAPTION
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
from explorer.frame.caption import sentence_pair
from explorer.frame.messages import note, notice, plain
from explorer.frame.wide import wide

LEAST_TILE_PX, LABELS_PX = 22, 70
PREFERRED = (BASE, "A-h1", "C-N2", "big")
MOST_COMPARED = 4
STYLE = """<style>
.compared { display: grid; grid-template-columns: 15rem 1fr; gap: 0 1rem; align-items: baseline;
  padding: 0.15rem 0; }
.compared .of { font-size: 0.875rem; }
.compared .of b { font-weight: 600; }
@media (max-width: 640px) { .compared { grid-template-columns: 1fr; } }
</style>"""

Models = dict[str, str]
"""Row -> the name its checkpoint is listed by."""
Traces = dict[str, Trace]
"""Row -> the sentence through it; base first, whether the reader compares it or not."""


def loadable(family: PaperAndOurs) -> Models:
    """The variants whose weights can be loaded."""
    try:
        found = every_checkpoint()
    except NoCheckpointError:
        return {}
    names = {item.folder: item.name for item in found if item.problem is None}
    rows = {row.name: family.folder / row.name for row in family.ours.rows}
    return {row: names[folder] for row, folder in rows.items() if folder in names}


def chosen_rows(wanted: Sequence[str], available: Sequence[str]) -> list[str]:
    """Up to four rows to translate side by side: the reader's, or some of very different shapes."""
    chosen = [name for name in wanted if name in available]
    usual = [name for name in (*PREFERRED, *available) if name in available]
    return (chosen or list(dict.fromkeys(usual)))[:MOST_COMPARED]


def checked_runs(
    family: PaperAndOurs, rows: Sequence[str], found: Traces
) -> dict[str, tuple[Path, Run, Trace]]:
    """What the self-check of each model on screen needs."""
    return {row: (family.folder / row, _run(), found[row]) for row in rows}


def choose_models(family: PaperAndOurs, models: Models) -> list[str]:
    """Draw the field in which the reader names models; returns the chosen ones."""
    wanted = session.choice().of(Table3Fields).compared
    lost = [name for name in wanted if name not in models]
    if lost:
        notice(
            f"No weights of {', '.join(lost)} are here; choose from the rows that can be loaded."
        )
    chosen = chosen_rows(wanted, list(models))
    st.multiselect(
        f"Compare up to {_in_words(MOST_COMPARED)} trained models; ticks in the table do the same",
        list(models),
        format_func=lambda name: f"{name}: {said(family, name)}",
        max_selections=MOST_COMPARED,
        **session.bind(Table3Fields, "compared", chosen),
    )
    for row in chosen:
        for text in traces.notices(family.folder / row):
            notice(f"{text}.")
    return chosen


def _in_words(n: int) -> str:
    return {4: "four"}.get(n, str(n))


def said(family: PaperAndOurs, name: str) -> str:
    """What a variant changes, in words."""
    row, base = row_named(family.ours.rows, name), row_named(family.ours.rows, BASE)
    return change_in_words(row.sizes, base.sizes, seed=row.seed, base_seed=base.seed)


def _run() -> Run:
    """The reader's sentence and search on the unchanged models, without a fixed prefix."""
    return session.choice().run.replace(model=None, prefix=(), target="", ablation="")


def traces_of(family: PaperAndOurs, rows: Sequence[str], models: Models) -> Traces:
    """The sentence through each row; none, with a message on the page, if it cannot be translated."""
    wanted = list(dict.fromkeys([BASE, *rows] if BASE in models else rows))
    try:
        text = normalise(session.choice().run.text)
        if not text:
            st.info("Type a sentence above, or choose one of the examples.")
            return {}
        with st.spinner("Translating with every row…"):
            asked = [(family.folder / row, _run(), traces.FINISHED) for row in wanted]
            return dict(zip(wanted, traces.several(asked), strict=True))
    except ValueError as error:
        st.error(f"This text cannot be translated: {plain(str(error))}.")
        return {}


def draw_translations(family: PaperAndOurs, rows: Sequence[str], found: Traces) -> None:
    """Draw the translations below one another, and what is unusual about the sentence."""
    _warn(found)
    st.html(STYLE + "".join(_translation(family, row, found) for row in rows) + _reference())
    if BASE in found:
        note(
            "Highlighted: words not in base's translation. The share is what the model gives each "
            "piece of its translation, on average (geometric mean)."
        )


def _warn(found: Traces) -> None:
    warnings = unlike_captions(found[BASE]) if BASE in found else ()
    if warnings:
        with st.container(horizontal=True, vertical_alignment="center"):
            notice(" ".join(warnings))
            st.button(
                "Use a caption instead", on_click=session.change_run, kwargs={"text": CAPTION}
            )


def _translation(family: PaperAndOurs, row: str, found: Traces) -> str:
    text = found[row].target.text
    runs = word_diff(found[BASE].target.text if BASE in found else text, text)
    words = marked_words([(of.text, of.change == "added") for of in runs if of.change != "removed"])
    share = f"{mean_probability(found[row]):.0%} per piece"
    return _line(row, f"{said(family, row)} · {share}", words)


def _reference() -> str:
    known = REFERENCES.get(normalise(session.choice().run.text))
    return _line("A person", "for comparison", marked_words([(known, False)])) if known else ""


def _line(name: str, about: str, words: str) -> str:
    return (
        f'<div class="compared"><span class="of"><b>{html.escape(name)}</b><br>'
        f"{html.escape(about)}</span>{words}</div>"
    )


def draw_heads(
    family: PaperAndOurs, rows: Sequence[str], found: Traces, models: Models
) -> list[Picture]:
    """Draw all heads of cross-attention of each model; returns the pictures."""
    drawn = []
    for left in range(0, len(rows), 2):
        pair = rows[left : left + 2]
        for place, row in zip(st.columns(2, gap="large"), pair, strict=False):
            with place:
                st.markdown(f"**{row}**: {plain(said(family, row))}")
                drawn.append(_draw_heads(family, row, found[row], models[row]))
    note(TILES_NOTE)
    return drawn


def _draw_heads(family: PaperAndOurs, row: str, trace: Trace, model: str) -> Picture:
    """All heads of cross-attention; a click enlarges one, a button opens it on Heads."""
    weights = trace.weights["cross"]
    n_layers, n_heads = weights.shape[:2]
    best, key = best_head(family.folder / row, trace), f"heads-{row}"
    clicked = overview.chosen_head(key)
    chosen = HeadPlace.numbered("cross", *clicked) if clicked else best.place
    place = chosen.within(n_layers, n_heads)
    of = f"{row}: {said(family, row)}. {sentence_pair(trace)}"
    with wide(f"wide-{row.replace('.', '-')}", LABELS_PX + LEAST_TILE_PX * n_heads):
        overview.overview(weights, place, key=key, on_choice=_redraw, of=of)
    if st.button("Open this head in Heads", key=f"open-{row}", type="tertiary"):
        session.change_run(model=model)
        session.show_head(place)
        st.switch_page(PAGES["Heads"])
    payload = overview.payload(weights, place, of=of)
    return Picture(
        f"{row}: cross-attention, {n_layers} x {n_heads} heads",
        Mounted(overview.SCRIPT, overview.STYLE, payload),
        f"{trace.source.text} → {trace.target.text}",
    )


def _redraw() -> None:
    """Redraw after a click; the component remembers it, the link does not."""
