"""A text of the reader's own: a table of its sentences, and what every head does over all of them."""

from collections.abc import Sequence

import streamlit as st

from core.analysis.head_place import KIND_NAMES
from core.analysis.heads.measures import MEASURES
from core.analysis.over_text.sentences import (
    COLUMNS,
    Measured,
    Sentence,
    Unread,
    as_csv,
    head_means,
    row_of,
)
from core.config import SearchConfig
from explorer.app_pages.over_text.fields import Source, TextFields
from explorer.app_pages.over_text.figures import heads_figure
from explorer.app_pages.registry import MENU, PAGES
from explorer.choice import session
from explorer.choice.choice import View
from explorer.engine.over_text import (
    MOST_SENTENCES,
    is_measured,
    measured,
    own_sentences,
    sentences_of,
)
from explorer.figures.signed_cells import least_px
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import share
from explorer.frame.messages import note, notice, plain
from explorer.frame.pick import pick
from explorer.frame.sentence_page import PageInputs
from explorer.frame.tables import draw_table
from explorer.frame.wide import wide

TITLE = "What does the model do over a text?"
LEAD = (
    "Every sentence of a text is translated and measured. Tick a line to open that sentence on another page. Below the table "
    "stands what each head does over all of them."
)
TYPED, MEASURED, TABLE = "text_typed", "text_measured", "text_table"
MOST_MEGABYTES = 1
HOW = "One sentence a line. A reference translation may follow after a tab."
PRIVATE = "The text stays in this visit: it is not in the link."
COLUMNS_NOTE = (
    "Score: the log-probability divided by the length penalty, by which the search ranks; nearer 0 is better. Log p a "
    "piece: the log-probability in nats, divided by the number of pieces; nearer 0 is surer. Source share: of what the "
    "decoder wrote, the part that comes from the source (ALTI+). Entropy: how widely cross-attention spreads, in nats. "
    "chrF: likeness to the reference, from 0 to 100. Warnings: unknown or rare words, words that hardly come from the "
    "source, repetitions; empty if there are none. Click a heading to sort."
)
HEADINGS = dict(
    zip(
        COLUMNS,
        (
            "source",
            "translation",
            "score",
            "log p a piece",
            "source share",
            "entropy",
            "chrF",
            "warnings",
            "reference",
        ),
        strict=True,
    )
)
"""What the columns are called where there is little room."""
WIDTHS_PX = {"line": 50, "source": 230, "translation": 230, "warnings": 160, "reference": 230}
OF_NO_SENTENCE = ("A text", "Roles", "Second attempt")
LOOK_INTO = [
    title
    for question in ("Look", "Question")
    for title in MENU[question]
    if title not in OF_NO_SENTENCE
]
"""The pages that show any one sentence."""
FEW, LEAST = "; of so few they say little", 10
WHOLE_MODEL = "The text is measured with the unchanged model."


def page() -> None:
    asked = sentence_page.open_page(TITLE, LEAD)
    if not asked:
        return
    for text in session.link_notices():
        notice(text)
    if asked.choice.run.ablation:
        note(WHOLE_MODEL)
    choice, wrong = sentence_page.read_fields(asked.choice, (TextFields,))
    for text in wrong:
        notice(f"{text} The usual one is shown instead.")
    session.write_link(choice)
    sentences = _choose_text(asked)
    search = asked.choice.run.search.replace(n_candidates=0)
    found = _measured(asked, sentences, search) if sentences else None
    pictures: list[Picture] = []
    if found:
        _draw_table(found)
        _draw_line(found, asked)
        pictures = _draw_heads(found)
    with asked.saving:
        share(choice, TITLE, lambda: pictures)


def _choose_text(asked: PageInputs) -> tuple[Sentence, ...]:
    """The sentences that are to be measured; empty until there are some."""
    own = own_sentences(asked.folder)
    offered: dict[Source, str] = {"typed": "Your own"}
    if own:
        offered = {"own": f"{len(own)} sentences of this project", **offered}
    wanted = session.choice().of(TextFields).measured_text
    source = wanted if wanted in offered else "typed"
    pick("Text", offered, **session.bind(TextFields, "measured_text", source))
    return own if source == "own" else _typed()


def _typed() -> tuple[Sentence, ...]:
    """What the reader pasted or uploaded and asked to be measured."""
    left, right = st.columns([3, 1], gap="medium")
    with left:
        text = st.text_area("Your text", key=TYPED, height=140, placeholder=HOW, help=HOW)
    with right:
        file = st.file_uploader(
            "or a text file", type=["txt", "tsv"], max_upload_size=MOST_MEGABYTES
        )
    if file is not None:
        try:
            text = file.getvalue().decode("utf-8-sig")
        except UnicodeDecodeError:
            notice(f"{file.name} is not UTF-8; save it as UTF-8 text.")
            return ()
    try:
        sentences = sentences_of(text)
    except ValueError as error:
        notice(f"This text cannot be measured: {error}.")
        return ()
    n = len(sentences)
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button(
            f"Measure {n:,} sentence{'s' * (n != 1)}" if n else "Measure",
            type="primary",
            disabled=not n,
        )
        note(f"{HOW} At most {MOST_SENTENCES:,}. {PRIVATE}")
    if asked:
        st.session_state[MEASURED] = sentences
    return sentences if n and st.session_state.get(MEASURED) == sentences else ()


def _measured(
    asked: PageInputs, sentences: tuple[Sentence, ...], search: SearchConfig
) -> list[Measured | Unread] | None:
    """Measure the text with a bar and a button that stops it; None once it was stopped."""
    place = st.empty()
    if is_measured(asked.folder, sentences, search):
        return measured(asked.folder, sentences, search)
    with place.container():
        bar = st.progress(0.0)
        st.button("Stop", on_click=_stop)

        def tell(n_done: int, n: int) -> None:
            bar.progress(n_done / n, f"{n_done:,} of {n:,} sentences; what is done stays done")

        found = measured(asked.folder, sentences, search, tell)
    place.empty()
    return found


def _stop() -> None:
    """Go back to the text, which is then measured no further."""
    st.session_state[MEASURED] = None
    session.change(TextFields, measured_text="typed")


def _draw_table(found: Sequence[Measured | Unread]) -> None:
    n_unread = sum(isinstance(one, Unread) for one in found)
    if n_unread:
        notice(
            f"{n_unread:,} of {len(found):,} sentences could not be read; the last column says why."
        )
    has_references = any(one.given.reference for one in found)
    hidden = set() if has_references else {"reference", "chrF"}
    st.dataframe(
        [
            {
                "line": number,
                **{
                    HEADINGS[name]: cell
                    for name, cell in zip(COLUMNS, row_of(one), strict=True)
                    if name not in hidden
                },
            }
            for number, one in enumerate(found, start=1)
        ],
        hide_index=True,
        key=TABLE,
        on_select=_take_line,
        selection_mode="single-row",
        height=min(340, 38 + 35 * len(found)),
        column_config={
            name: st.column_config.Column(width=width) for name, width in WIDTHS_PX.items()
        },
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "CSV",
            lambda: as_csv(found),
            file_name="text.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            type="tertiary",
        )
        note(COLUMNS_NOTE)


def _take_line() -> None:
    rows = st.session_state[TABLE].selection.rows
    if rows:
        session.change(TextFields, line=int(rows[0]) + 1)


def _draw_line(found: Sequence[Measured | Unread], asked: PageInputs) -> None:
    """The chosen line, what is unusual about it, and the way to the pages that look into it."""
    number = session.choice().of(TextFields).line
    if number is None or number > len(found):
        return
    one = found[number - 1]
    if isinstance(one, Unread):
        notice(f"Line {number} could not be read: {one.problem}.")
        return
    st.markdown(
        f"**Line {number}.** {plain(one.given.source)} → **{plain(one.translation)}**"
        + (f"  \nReference: {plain(one.given.reference)}" if one.given.reference else "")
    )
    for warning in one.warnings:
        notice(warning)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Open on")
        for title in LOOK_INTO:
            if st.button(title, key=f"text-open-{title}", type="tertiary"):
                session.change_run(text=one.given.source, prefix=(), target="")
                st.switch_page(PAGES[title])


def _draw_heads(found: Sequence[Measured | Unread]) -> list[Picture]:
    """The mean of every head over the text."""
    if not any(isinstance(one, Measured) for one in found):
        return []
    st.subheader("What every head does over the text", anchor=False)
    name = session.choice().of(TextFields).of_heads
    kind = session.choice().view.kind
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pick(
            "Measure",
            {name: measure.title for name, measure in MEASURES.items()},
            **session.bind(TextFields, "of_heads"),
        )
        pick("Attention", dict(KIND_NAMES), **session.bind(View, "kind"))
    measure = MEASURES[name]
    means = head_means(found, name)[kind]
    title = f"{measure.title}: {KIND_NAMES[kind]}, over a text"
    figure = heads_figure(means, number=measure.units[kind])
    n_read = sum(isinstance(one, Measured) for one in found)
    said = (
        f"Means over all queries of {n_read:,} {'sentence' if n_read == 1 else 'sentences'}, in {measure.units[kind]}. "
        f"A low number: {measure.low}; a high one: {measure.high}. The table has 95 % intervals (bootstrap over "
        f"sentences{FEW if n_read < LEAST else ''})."
    )
    with wide("text-heads", least_px(means.values.shape[1])):
        draw_chart(figure, alt=title, key="text-heads-chart")
    note(said)
    with st.expander("The means as a table"):
        draw_table(
            [
                {
                    "layer": layer + 1,
                    "head": head + 1,
                    "mean": round(float(means.values[layer, head]), 3),
                    "low": round(float(means.low[layer, head]), 3),
                    "high": round(float(means.high[layer, head]), 3),
                }
                for layer in range(means.values.shape[0])
                for head in range(means.values.shape[1])
            ],
            name="text-heads",
            caption=title,
        )
    return [Picture(title, figure, said)]


page()
