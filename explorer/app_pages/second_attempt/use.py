"""Is the draft used? The sentence with every kind of draft, and with every model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import streamlit as st

from core.training.score.methods import METHODS
from explorer.app_pages.second_attempt.attempts import DRAFTS, Attempts, draft_of, kinds
from explorer.app_pages.second_attempt.figures import probability_figure
from explorer.choice.page_context import PageContext
from explorer.engine import traces
from explorer.engine.checkpoints import folder_of
from explorer.engine.second_attempts import nats_without, second_attempt
from explorer.figures.axes import signed
from explorer.figures.head import piece_labels, token_label
from explorer.figures.standalone import Picture
from explorer.frame.chart import draw_chart
from explorer.frame.messages import note
from explorer.frame.tables import draw_table

ATTEMPTS = ("attempt 1", "attempt 2")
PROBABILITIES = "Probability of each piece of the second attempt, with and without the draft"


def draw_use(shown: PageContext, pair: Attempts) -> None:
    st.subheader("Is the draft used?", anchor=False)
    st.write(
        "Weight on the draft is no evidence: a head may attend to it and change nothing. Here the second "
        "attempt is made again with other drafts."
    )
    draw_table(
        _even(_by_draft(shown, pair)), name="drafts", caption="The second attempt by its draft"
    )
    picture = probability_picture(shown, pair)
    if pair.draft.tokens:
        st.markdown(f"**{picture.title}**")
        draw_chart(picture.shown, alt=picture.title, key="draft-probability")
        note(picture.note)


def _by_draft(shown: PageContext, pair: Attempts) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for kind in kinds(shown, pair.experiment):
        if kind == "edited" and pair.draft.kind != "edited":
            continue
        with _or_why(rows, {"draft": DRAFTS[kind]}, pair) as row:
            draft = draft_of(shown, pair.experiment, kind)
            row["the draft itself"] = draft.text or "(nothing)"
            second = second_attempt(shown.folder, shown.choice.run, draft.tokens)
            row["attempt 2"] = second.target.text
    return rows


@contextmanager
def _or_why(
    rows: list[dict[str, object]], begun: dict[str, object], pair: Attempts
) -> Iterator[dict[str, object]]:
    """A line of a table, to be filled in; of what there is none, it says why."""
    row = dict(begun)
    try:
        yield row
        judged = {f"{name} judged": pair.judged(str(row[name])) for name in row if name in ATTEMPTS}
    except ValueError as error:
        judged = {}
        row["attempt 2"] = f"(none: {error})"
    rows.append({**row, **(judged if pair.reference else {})})


def probability_picture(shown: PageContext, pair: Attempts) -> Picture:
    """How much more probable the draft makes each piece of the second attempt."""
    second = pair.second
    with_ = np.array([step.log_probability_nats for step in second.steps])
    without = nats_without(shown.folder, shown.choice.run, second)
    names = piece_labels(piece.name for piece in second.target.pieces)
    gain = float((with_ - without).sum())
    most = int(abs(with_ - without).argmax())
    return Picture(
        PROBABILITIES,
        probability_figure([token_label(name) for name in names], with_, without),
        f"The draft changes the log-probability of this attempt by {signed(gain, 2, plus=True)} nats, "
        f"the largest change is at step {most + 1}, “{names[most]}” ({signed(float((with_ - without)[most]), 2, plus=True)}). Both are "
        "scores of the same pieces; only the draft differs.",
    )


def draw_models(shown: PageContext, pair: Attempts) -> None:
    """The sentence by every model of the experiment, each with its own first attempt as the draft."""
    st.subheader("This text by every bundled model", anchor=False)
    if shown.choice.run.ablation or shown.choice.run.prefix:
        note("This table leaves out your ablation and the words that you chose.")
    rows: list[dict[str, object]] = []
    for method, name in pair.experiment.models.items():
        run = shown.choice.run.replace(model=name, ablation="", prefix=())
        with _or_why(rows, {"model": METHODS[method].title}, pair) as row:
            folder = folder_of(name)
            first = traces.trace(folder, run)
            row["attempt 1"] = first.target.text
            row["attempt 2"] = second_attempt(folder, run, first.best.tokens).target.text
    draw_table(_even(rows), name="models", caption="Both attempts by every model")


def _even(rows: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """All lines with the same columns; what one has not is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name, "") for name in names} for row in rows]
