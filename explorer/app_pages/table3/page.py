"""Table 3: models trained with one design choice changed, the paper's beside ours."""

import plotly.graph_objects as go
import streamlit as st

from core.experiments.table3.rows import TEST, VALIDATION
from core.experiments.table3.table import LET_THROUGH
from explorer.app_pages.table3.cells import HEADER, sections
from explorer.app_pages.table3.fields import Quality, Table3Fields
from explorer.app_pages.table3.paper_table import table_html, words_html
from explorer.app_pages.table3.points import our_points, paper_points
from explorer.app_pages.table3.quality_figure import quality_figure
from explorer.app_pages.table3.rows import NAMES, details
from explorer.app_pages.table3.side_by_side import draw_rows
from explorer.choice import session
from explorer.engine.checkpoints import checkpoint_root
from explorer.engine.table3 import PaperAndOurs, read_family
from explorer.figures.standalone import Picture
from explorer.frame.messages import note, notice, plain
from explorer.frame.sentence_page import open_page, read_fields
from explorer.frame.wide import wide

TITLE = "What does each design choice do?"
TABLE_PX = 1_050
READING = """
**How to read them**

- {better} is better. Bars are 95 % intervals; the paper gives none.
- Where the paper prints no parameters, they are about those of base, and the row stands there.
- The paper gives no decoding speed of its rows. Ours: {speeds}.
- Parameters here are counted, embeddings included once (section 3.4).
"""
OURS = {"bleu": f"BLEU on {TEST}", "perplexity": f"perplexity on {VALIDATION}"}


LEAD = (
    "Each row is a model trained from nothing with one thing changed: look at the last two columns, "
    "which say whether the change made a difference to base that is more than chance."
)


def page() -> None:
    asked = open_page(TITLE, LEAD)
    try:
        family = read_family(checkpoint_root())
    except ValueError as error:
        st.error(plain(str(error)))
        return
    choice, wrong = read_fields(session.choice(), (Table3Fields,))
    for text in (*session.link_notices(), *(wrong if session.is_from_link() else ())):
        notice(f"{text} The usual one is shown instead.")
    _two_questions()
    _draw_table(family)
    charts = _draw_charts(family)
    rows = draw_rows(family, TITLE, charts, asked)
    session.write_link(choice.with_fields(choice.of(Table3Fields).replace(compared=rows)))


def _two_questions() -> None:
    st.info(
        "**Trained with** is not **switched off after training**. A row with one head learnt to do "
        "everything with it; a head that is switched off in a finished model is missed by layers that "
        "learnt to rely on it. This page shows the first, the page Ablate the second."
    )


def _draw_table(family: PaperAndOurs) -> None:
    rows = family.ours.rows
    n_trained = sum(row.measured is not None for row in rows)
    caption = (
        f"Table 3 of the paper, and its rows trained here at width {family.ours.width} and depth "
        f"{family.ours.depth}{'' if n_trained == len(rows) else f': {n_trained} of {len(rows)} so far'}"
    )
    groups = sections(family)
    with wide("table3", TABLE_PX):
        st.html(table_html(caption, HEADER, groups))
    note(
        "Empty: as in base. The paper trained on WMT 2014 and scores newstest2013; here it is image "
        f"captions, perplexity on {VALIDATION} and BLEU on {TEST}, brackets are 95 % bootstrap "
        "intervals. So levels cannot be compared between the two, differences between rows can. "
        f"{_spread(family)} Point at a cell, or open the list below, to read which model it is of and how "
        "that was trained."
    )
    with st.expander("Every number in words, row by row"):
        st.html(words_html(HEADER, groups))
    with st.expander("How each model was trained here"):
        st.dataframe(details(family), hide_index=True, width="stretch")


def _spread(family: PaperAndOurs) -> str:
    spread = family.ours.seed_spread
    if not spread:
        return (
            "How far three seeds of base differ is not known yet; until then, a difference whose "
            "interval excludes zero is “not judged yet”."
        )
    perplexity, bleu = spread[VALIDATION]["perplexity"], spread[TEST]["bleu"]
    return (
        f"Three seeds of base differ by up to {perplexity:.2f} in perplexity and {bleu:.2f} in BLEU; "
        "a difference no larger than that, or whose interval includes zero, shows nothing. Three "
        f"seeds tell it roughly: of rows no different from base, {LET_THROUGH} would exceed it."
    )


def _draw_charts(family: PaperAndOurs) -> list[Picture]:
    """Quality against size and against speed; returns the pictures drawn."""
    st.subheader("Quality against cost", anchor=False)
    quality = session.choice().of(Table3Fields).quality
    st.radio(
        "Quality",
        list(NAMES),
        format_func=NAMES.__getitem__,
        horizontal=True,
        label_visibility="collapsed",
        **session.bind(Table3Fields, "quality"),
    )
    drawn = _charts(family, quality)
    places = [*st.columns(2, gap="large"), *st.columns(2, gap="large")]
    for place, (title, figure) in zip(places, drawn, strict=False):
        with place:
            st.markdown(f"**{title}**")
            if figure.data:
                st.plotly_chart(figure, alt=title, key=title, config={"displaylogo": False})
            else:
                note("No row is trained yet.")
    with places[-1]:
        better = "Lower" if quality == "perplexity" else "Higher"
        st.markdown(READING.format(better=better, speeds=plain(family.ours.speeds)))
    return [Picture(title, figure) for title, figure in drawn if figure.data]


def _charts(family: PaperAndOurs, quality: Quality) -> list[tuple[str, go.Figure]]:
    millions = "million parameters"
    return [
        (
            "The paper: quality against parameters",
            quality_figure(
                paper_points(family, quality),
                x_title=millions,
                y_title=f"{NAMES[quality]} on newstest2013",
            ),
        ),
        (
            "Here: quality against parameters",
            quality_figure(
                our_points(family, quality, lambda row, _: row.sizes.parameters / 1e6),
                x_title=millions,
                y_title=OURS[quality],
            ),
        ),
        (
            "Here: quality against decoding speed",
            quality_figure(
                our_points(family, quality, lambda _, scores: scores.decoding_tokens_per_s),
                x_title="pieces a second, beam 4",
                y_title=OURS[quality],
            ),
        ),
    ]


page()
