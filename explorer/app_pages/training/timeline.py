"""One sentence at several moments of a model's training: its translations, and its best head."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import streamlit as st

from core.analysis.heads.best import BestHead
from core.analysis.heads.word_attention import aligned_words
from core.analysis.trace.trace import Trace, mean_probability
from core.checkpoint.listing import timeline_steps
from core.system.text_tables import Cells, csv_table, latex_table
from core.text.word_diff import word_diff
from explorer.app_pages.training.fields import TrainingFields
from explorer.choice import session
from explorer.choice.page_context import PageContext, Settled
from explorer.components.player import component
from explorer.components.player.component import HeadRows, Moment, PlayedWord
from explorer.engine import traces
from explorer.engine.traces import FINISHED
from explorer.figures.invisible import visible
from explorer.figures.standalone import Mounted, Picture
from explorer.frame.downloads import save_table
from explorer.frame.in_words import gloss
from explorer.frame.messages import note, plain
from explorer.head.matrix import column_labels, plain_matrix, row_labels
from explorer.head.one_head import draw_links

PLAYER = "player"


def settle_snapshot(shown: PageContext) -> Settled:
    """The first snapshot, unless the reader chose one that is there."""
    fields, steps = shown.of(TrainingFields), timeline_steps(shown.folder)
    usual = fields.replace(snapshot=(*steps, FINISHED)[0])
    if fields.snapshot is None:
        return shown.choice.with_fields(usual), ()
    if fields.snapshot in (FINISHED, *steps):
        return shown.choice, ()
    notice = f"The link says snapshot {fields.snapshot}, which this model does not keep."
    return shown.choice.with_fields(usual), (notice,)


def draw_timeline(shown: PageContext) -> list[Picture]:
    """Draw the film of the sentence, and the numbers of the moment on show; return its picture."""
    fields = shown.of(TrainingFields)
    assert fields.snapshot is not None
    try:
        with st.spinner("Translating with the weights of every step…"):
            found = moments(shown)
            read = at_step(shown, fields.snapshot, held=fields.held)
    except ValueError as error:
        st.error(f"The timeline cannot be shown: {plain(str(error))}.")
        return []
    payload = component.payload(
        found,
        source=_source(shown.trace),
        head=f"{shown.best.place.name} ({shown.best.label})",
        run=f"{shown.folder} {shown.choice.run}",
        snapshot=fields.snapshot,
        is_held=fields.held,
    )
    component.player(payload, key=PLAYER, on_view=_take_view)
    _notes(shown.best)
    name = name_of(fields.snapshot)
    draw_links(plain_matrix(read, shown.best.place), f"The strongest links as a table: {name}")
    _save(found)
    return [
        Picture(
            "One sentence along a training",
            Mounted(component.SCRIPT, component.STYLE, payload),
            f"{shown.trace.source.text} → {shown.trace.target.text}",
        )
    ]


def _take_view() -> None:
    """Keep the moment that the reader went to; `settle_snapshot` refuses one that is not there."""
    said: Mapping[str, Any] = component.view_of(PLAYER) or {}
    snapshot = said.get("snapshot")
    session.change(
        TrainingFields,
        snapshot=snapshot if isinstance(snapshot, int) and snapshot >= 0 else None,
        held=bool(said.get("held", True)),
    )


def _notes(best: BestHead) -> None:
    said = [
        "Highlighted: words that the moment before had not. In italics: the source word that this "
        "head looks at most.",
        f"Of the finished model's heads this one {best.reason}.",
        best.how_to_read,
    ]
    note(" ".join(filter(None, said)))


def name_of(step: int) -> str:
    return f"step {step:,}" if step else "finished"


def moments(shown: PageContext) -> list[Moment]:
    """The sentence after each step that is kept, and at the end.

    Raises:
        ValueError: if the weights of a step cannot be used.
    """
    steps = timeline_steps(shown.folder)
    asked = [_asked(shown, step, held=held) for step in steps for held in (False, True)]
    made = iter(traces.several(asked))
    found: list[Moment] = []
    before: Trace | None = None
    for step in [*steps, FINISHED]:
        trace, held = (next(made), next(made)) if step != FINISHED else (shown.trace, shown.trace)
        found.append(
            Moment(
                step=step,
                name=name_of(step),
                probability=mean_probability(trace),
                words=played_words(trace, before, shown.best),
                own=_rows(trace, shown.best),
                held=_rows(held, shown.best),
            )
        )
        before = trace
    return found


def at_step(shown: PageContext, step: int, *, held: bool = False) -> Trace:
    """The sentence at a step of the training.

    Args:
        held: the finished model's translation is forced, so that rows are the same at every step.

    Raises:
        ValueError: if the weights of that step cannot be used.
    """
    return shown.trace if step == FINISHED else traces.trace(*_asked(shown, step, held=held))


def _asked(shown: PageContext, step: int, *, held: bool) -> traces.Asked:
    run = shown.choice.run
    if held:
        run = run.replace(prefix=tuple(piece.id for piece in shown.trace.target.pieces))
    return shown.folder, run, step


def played_words(trace: Trace, before: Trace | None, best: BestHead) -> tuple[PlayedWord, ...]:
    """The words of a translation, each run of equal ones as one, with what is new in them."""
    links = aligned_words(trace, best.place, rows=best.rows)
    words = [
        PlayedWord(
            visible(word.text),
            gloss=gloss(trace, word),
            source_word=word.source_word,
            is_new=is_new,
        )
        for word, is_new in zip(links, _new_words(trace, before), strict=True)
    ]
    runs = [list(run) for _, run in groupby(words, lambda word: word.text)]
    return tuple(PlayedWord(run[0].text, len(run), run[0].gloss, run[0].source_word,
                            any(word.is_new for word in run)) for run in runs)  # fmt: skip


def _new_words(trace: Trace, before: Trace | None) -> list[bool]:
    """For each word, whether the translation before lacks it; nothing is new at the beginning."""
    if before is None:
        return [False] * len(trace.target.words)
    runs = word_diff(before.target.text, trace.target.text)
    return [
        run.change == "added" for run in runs if run.change != "removed" for _ in run.text.split()
    ]


def _rows(trace: Trace, best: BestHead) -> HeadRows:
    return HeadRows(
        best.place.of(trace.weights),
        row_labels(trace, "cross"),
        [piece.word for piece in trace.target.pieces],
    )


def _source(trace: Trace) -> list[tuple[str, int]]:
    labels = column_labels(trace, "cross")
    return [(label, of.word) for label, of in zip(labels, trace.source.pieces, strict=True)]


def _save(found: Sequence[Moment]) -> None:
    lines = table_of(found)
    with st.container(horizontal=True, gap="small"):
        save_table("moments", csv=lambda: csv_table(lines), latex=lambda: latex_table(lines))


def table_of(found: Sequence[Moment]) -> list[Cells]:
    """The translations with their probabilities, as a table."""
    header = ("moment", "probability per piece", "translation")
    return [
        header,
        *(
            (of.name, f"{of.probability:.3f}", " ".join(w for word in of.words for w in [word.text] * word.times))
            for of in found
        ),
    ]  # fmt: skip
