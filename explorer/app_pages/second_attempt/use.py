"""Is the draft used? The sentence with every kind of draft, and with every model."""

import numpy as np
import streamlit as st

from core.training.score.methods import METHODS
from explorer.app_pages.second_attempt.attempts import DRAFTS, Attempts, attempts, kinds
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

PROBABILITIES = "Probability of each piece of the second attempt, with and without the draft"


def draw_use(shown: PageContext, pair: Attempts) -> None:
    st.subheader("Is the draft used?", anchor=False)
    st.write(
        "Weight on the draft is no evidence: a head may look at it and change nothing. Here the second "
        "attempt is made again with other drafts."
    )
    draw_table(_by_draft(shown, pair), name="drafts", caption="The second attempt by its draft")
    picture = probability_picture(shown, pair)
    st.markdown(f"**{picture.title}**")
    draw_chart(picture.shown, alt=picture.title, key="draft-probability")
    note(picture.note)


def _by_draft(shown: PageContext, pair: Attempts) -> list[dict[str, object]]:
    rows = []
    for kind in kinds(shown, pair.experiment):
        if kind == "edited" and pair.draft.kind != "edited":
            continue
        made = attempts(shown, kind)
        rows.append(
            {
                "draft": DRAFTS[kind],
                "the draft itself": made.draft.text or "(nothing)",
                "attempt 2": made.second.target.text,
                **({"judged": made.judged(made.second.target.text)} if pair.reference else {}),
            }
        )
    return rows


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
        f"most of it at “{names[most]}” ({signed(float((with_ - without)[most]), 2, plus=True)}). Both are "
        "scores of the same pieces; only the draft differs.",
    )


def draw_models(shown: PageContext, pair: Attempts) -> None:
    """The sentence by every model of the experiment, each with its own first attempt as the draft."""
    st.subheader("The same sentence by every model", anchor=False)
    rows = []
    for method, name in pair.experiment.models.items():
        folder, run = folder_of(name), shown.choice.run.replace(model=name, ablation="")
        first = traces.trace(folder, run)
        second = second_attempt(folder, run, first.best.tokens)
        texts = first.target.text, second.target.text
        row: dict[str, object] = {"model": METHODS[method].title}
        for number, text in enumerate(texts, start=1):
            row[f"attempt {number}"] = text
            if pair.reference:
                row[f"{number} judged"] = pair.judged(text)
        rows.append(row)
    draw_table(rows, name="models", caption="Both attempts by every model")
