"""Is the draft used? The sentence with every kind of draft, and with every model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from core.training.score.methods import METHODS
from explorer.app_pages.second_attempt.attempts import DRAFTS, Attempts, draft_of, kinds
from explorer.app_pages.second_attempt.figures import probability_figure
from explorer.choice.choice import Run
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

PROBABILITIES = "Probability of each piece of the second attempt, with and without the draft"


def draw_use(shown: PageContext, pair: Attempts) -> None:
    st.subheader("Is the draft used?", anchor=False)
    st.write(
        "Weight on the draft is no evidence: a head may look at it and change nothing. Here the second "
        "attempt is made again with other drafts."
    )
    draw_table(_by_draft(shown, pair), name="drafts", caption="The second attempt by its draft")
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
        draft = draft_of(shown, pair.experiment, kind)
        row = {"draft": DRAFTS[kind], "the draft itself": draft.text or "(nothing)"}
        rows.append({**row, **_second(pair, shown.folder, shown.choice.run, draft.tokens)})
    return rows


def _second(pair: Attempts, folder: Path, run: Run, draft: Sequence[int]) -> dict[str, object]:
    """A second attempt and, with a reference, its reward; or why there is none."""
    try:
        text = second_attempt(folder, run, draft).target.text
    except ValueError as error:
        return {"attempt 2": f"(none: {error})", **({"judged": ""} if pair.reference else {})}
    return {"attempt 2": text, **({"judged": pair.judged(text)} if pair.reference else {})}


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
        f"most of it at step {most + 1}, “{names[most]}” ({signed(float((with_ - without)[most]), 2, plus=True)}). Both are "
        "scores of the same pieces; only the draft differs.",
    )


def draw_models(shown: PageContext, pair: Attempts) -> None:
    """The sentence by every model of the experiment, each with its own first attempt as the draft."""
    st.subheader("The same by every model", anchor=False)
    rows: list[dict[str, object]] = []
    for method, name in pair.experiment.models.items():
        folder, run = folder_of(name), shown.choice.run.replace(model=name, ablation="", prefix=())
        first = traces.trace(folder, run)
        row: dict[str, object] = {"model": METHODS[method].title, "attempt 1": first.target.text}
        if pair.reference:
            row["attempt 1 judged"] = pair.judged(first.target.text)
        second = _second(pair, folder, run, first.best.tokens)
        rows.append(
            {
                **row,
                **{
                    name.replace("judged", "attempt 2 judged"): cell
                    for name, cell in second.items()
                },
            }
        )
    draw_table(rows, name="models", caption="Both attempts by every model")
