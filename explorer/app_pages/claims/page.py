"""Published findings on what heads and layers do, and the verdict on each for the model on show."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.experiments.claims.claims import Outcome, Verdict
from explorer.app_pages.registry import PAGES
from explorer.choice import session
from explorer.engine.checkpoints import metrics
from explorer.engine.claims import claims_of
from explorer.frame import sentence_page
from explorer.frame.downloads import share
from explorer.frame.messages import note, notice, plain
from explorer.frame.tables import draw_table

TITLE = "What has been claimed, and is it so here?"
LEAD = (
    "Papers have said what attention heads and layers do. Each finding is put to the test on this model, with the "
    "number that decides and the rule of the verdict."
)
COLOURS: dict[Verdict, str] = {
    "seen": "green",
    "not seen": "red",
    "undecided": "orange",
    "not measured": "gray",
    "not testable here": "gray",
}
MEANS = (
    "**Seen** and **not seen**: the rule of the test decides, and 95 % intervals do not overlap. **Undecided**: they "
    "overlap, or there are too few heads. One small model neither proves nor refutes a paper."
)
WHERE = {
    "few-heads-matter": "Ablate", "heads-can-go": "Ablate", "gates-keep-quality": "Ablate",
    "encoder-goes-first": "Ablate", "scratch-is-worse": "Ablate", "positional-low": "Roles",
    "rare-word": "Roles", "syntactic": "Roles", "trees": "Roles", "sinks": "Roles",
    "input-low-output-high": "Roles", "norms-align-better": "Roles",
    "share-falls": "Source and prefix", "share-at-end": "Source and prefix",
    "wrong-prefix": "Source and prefix", "layers-build": "Lenses", "fixed-heads": "Table 3",
    "one-head-is-worse": "Table 3", "language-first": "Training", "share-rises": "Training",
    "order-last": "Training", "hallucinations": "Source and prefix",
}  # fmt: skip
"""Claim -> the page where one looks at it."""


def page() -> None:
    asked = sentence_page.open_page(TITLE, LEAD)
    if not asked:
        return
    for text in session.link_notices():
        notice(text)
    session.write_link(asked.choice)
    if asked.choice.run.ablation:
        note("These findings hold for the unchanged model.")
    found, problems, trained = claims_of(asked.folder)
    for problem in problems:
        notice(problem)
    counts = Counter(each.verdict for each in found)
    st.markdown(
        " · ".join(
            f":{COLOURS[verdict]}-badge[{verdict}: {counts[verdict]}]"
            for verdict in COLOURS
            if counts[verdict]
        )
    )
    _say_of_what(asked.folder, trained)
    for each in found:
        _draw(each)
    _draw_table(found)
    with asked.saving:
        share(asked.choice, TITLE, list)


def _say_of_what(folder: Path, trained: Path | None) -> None:
    sentences = metrics(folder).get("alignment") or {}
    if trained:
        note(
            f"{MEANS} Findings about training are measured on {plain('/'.join(trained.parts[-2:]))}, those about Table 3 "
            "on its rows."
        )
    else:
        note(MEANS)
    if sentences and "alignment_error_rate" not in sentences:
        note("This model was not measured against people’s alignments.")


def _draw(each: Outcome) -> None:
    claim = each.claim
    with st.container(border=True, gap="xxsmall"):
        st.markdown(
            f":{COLOURS[each.verdict]}-badge[{each.verdict}] **{plain(claim.says)}** "
            f":small[[{plain(claim.source)}]({claim.url})]"
        )
        if each.numbers:
            st.markdown(plain(each.numbers))
        elif claim.needs:
            st.markdown(f"`{claim.needs}` measures it; `--help` lists the texts that it needs.")
        with st.container(horizontal=True, vertical_alignment="center"):
            note(f"Test: {plain(claim.test)}.")
            st.page_link(PAGES[WHERE[claim.name]], label=f"See it on {WHERE[claim.name]}")


def _draw_table(found: Sequence[Outcome]) -> None:
    with st.expander("All of it as a table"):
        draw_table(
            [
                {
                    "finding": each.claim.says,
                    "source": each.claim.source,
                    "test": each.claim.test,
                    "here": each.numbers,
                    "verdict": each.verdict,
                }
                for each in found
            ],
            name="claims",
            caption=TITLE,
        )


page()
