"""Why this word and not that one: the difference of two candidates, word by word."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from core.decoding.result import Candidate
from explorer.app_pages.why.fields import How, WhyFields
from explorer.app_pages.why.figures import LEAST_PX
from explorer.app_pages.why.pictures import FOOT, amounts_picture, in_words, labels_of
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.engine.contrasts import agreement, contrasts
from explorer.engine.models import load
from explorer.figures.head import piece_label
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import draw_in_words
from explorer.frame.messages import note, plain
from explorer.frame.pick import pick
from explorer.frame.tables import draw_table
from explorer.frame.wide import wide
from explorer.head.matrix import row_labels

if TYPE_CHECKING:
    from core.analysis.contrast.attribution import Contrast

TITLE = "Why this word, and not that one?"
LEAD = (
    "At one step two candidates compete. How much does each piece of the source, and of what was written before, "
    "speak for the one and against the other?"
)
METHODS: dict[How, str] = {
    "integrated_gradients": "Integrated gradients",
    "gradient_input": "Gradient × input",
    "occlusion": "Occlusion",
}
HELP = """
- Integrated gradients: the slope of the difference, averaged on the way from no embeddings to these, times the
  embedding (Sundararajan et al. 2017). The bars add up to what all pieces make together.
- Gradient × input: the slope at the sentence as it is, times the embedding.
- Occlusion: how much the difference falls if this piece's embedding is zero. It is no estimate, so it checks the others.
"""
CHECK = "How alike occlusion and {name} rank the pieces: ρ = {rho} (Spearman; 1 is the same order, 0 an unrelated one). "
LONG = "The sentence is too long for the other methods, which run it once for every piece. "


def words(shown: PageContext) -> None:
    load(shown.folder)
    draw_in_words(shown)


def draw(shown: PageContext) -> Pictures:
    step = _choose_step(shown)
    candidates = shown.trace.steps[step - 1].candidates
    wanted, other = _choose_two(shown, step, candidates)
    if wanted == other:
        note("Choose two different candidates.")
        return list
    found = contrasts(
        shown.folder, shown.choice.run, shown.trace, step=step, wanted=wanted, other=other
    )
    offered = {how: name for how, name in METHODS.items() if how in found}
    chosen = shown.of(WhyFields).how
    how = chosen if chosen in offered else next(iter(offered))
    pick("Measured by", offered, help=HELP, **session.bind(WhyFields, "how", how))
    picture = _draw_amounts(shown, found[how], wanted, other)
    _draw_check(how, found)
    return lambda: [picture]


def _choose_step(shown: PageContext) -> int:
    labels = row_labels(shown.trace, "cross")
    st.selectbox(
        "Step",
        range(1, len(labels) + 1),
        format_func=lambda step: f"{step}: {labels[step - 1]}",
        width=320,
        **session.bind(View, "step", shown.step),
    )
    return shown.step


def _choose_two(
    shown: PageContext, step: int, candidates: tuple[Candidate, ...]
) -> tuple[int, int]:
    """The two tokens that are compared, of the candidates of the step."""
    listed = {each.token: float(np.exp(each.log_probability_nats)) for each in candidates}
    written = shown.trace.target.pieces[step - 1].id
    listed.setdefault(written, float(np.exp(shown.trace.steps[step - 1].log_probability_nats)))
    names = {
        token: f"{plain(_name(shown, token))} · {share:.0%}"
        if share >= 0.01
        else f"{plain(_name(shown, token))} · <1%"
        for token, share in listed.items()
    }
    fields = shown.of(WhyFields)
    wanted = fields.wanted_id if fields.wanted_id in names else written
    rest = next((token for token in names if token != wanted), wanted)
    other = fields.other_id if fields.other_id in names else rest
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pick("Why", names, **session.bind(WhyFields, "wanted_id", wanted))
        pick("and not", names, **session.bind(WhyFields, "other_id", other))
    return int(wanted), int(other)


def _name(shown: PageContext, token: int) -> str:
    return piece_label(shown.trace.names.get(token, str(token)))


def _draw_amounts(
    shown: PageContext,
    found: "Contrast",
    wanted: int,
    other: int,
) -> Picture:
    names, prefix = labels_of(shown.trace, found)
    one, two = (_name(shown, token) for token in (wanted, other))
    picture = amounts_picture(shown.trace, found, one, two)
    title, said = picture.title, in_words(found, one, two)
    st.markdown(f"**{plain(said)}**")
    with wide("why", LEAST_PX * (len(names) + len(prefix)) + 160):
        draw_chart(picture.shown, alt=title, key="why-chart")
    with st.expander("The amounts as a table"):
        draw_table(
            [
                {"of": of, "piece": label, f"for {one}, logits": round(float(amount), 3)}
                for of, labels, amounts in (
                    ("source", names, found.source), ("written before", prefix, found.prefix),
                )
                for label, amount in zip(labels, amounts, strict=True)
            ],
            name="why",
            caption=title,
            is_whole=True,
        )  # fmt: skip
    return picture


def _draw_check(how: How, found: dict[str, "Contrast"]) -> None:
    if "occlusion" not in found:
        note(f"{LONG}{FOOT}")
        return
    said = [
        CHECK.format(
            name=METHODS[each].lower(), rho=f"{agreement(found[each], found['occlusion']):.2f}"
        )
        for each in METHODS
        if each != "occlusion" and how in (each, "occlusion")
    ]
    note(f"{''.join(said)}{FOOT}")


sentence_page.show_page(
    TITLE,
    LEAD,
    draw,
    words=words,
    terms=("piece", "probability", "log-probability", "encoder", "decoder"),
    fields=(WhyFields,),
)
