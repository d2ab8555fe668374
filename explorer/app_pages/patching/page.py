"""What carries the difference between two sentences: parts of one run put into the other."""

import functools
import math
from collections.abc import Callable

import numpy as np
import streamlit as st

from core.analysis.head_place import KIND_NAMES
from core.analysis.trace.trace import Trace
from core.config import Kind
from explorer.app_pages.patching.fields import Parts, PatchingFields
from explorer.app_pages.patching.pairs import PAIRS, partner
from explorer.app_pages.patching.pictures import (
    FOOT,
    NAMES,
    NOTES,
    Compared,
    head_pictures,
    percent,
    stream_picture,
)
from explorer.app_pages.registry import PAGES
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import (
    PageContext,
    Settled,
    UsualView,
    settled,
    settled_on,
)
from explorer.engine import traces
from explorer.engine.models import load
from explorer.engine.patching import patched, piece_name
from explorer.figures.signed_cells import least_px
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import draw_in_words
from explorer.frame.messages import note, notice, plain
from explorer.frame.pick import pick
from explorer.frame.tables import draw_table
from explorer.frame.wide import wide

TITLE = "What carries the difference between two sentences?"
LEAD = (
    "Two sentences differ in one word. One part of the second run at a time is copied into the first, to see whether "
    "the translation then changes."
)
HEAD_CHART, PAIR = "patched_{}", "patching_pair"


def words(shown: PageContext) -> None:
    load(shown.folder)
    draw_in_words(shown)


def draw(shown: PageContext) -> Pictures:
    other = _choose_other(shown)
    if not other:
        note("Type a second sentence, or choose a pair.")
        return list
    try:
        with st.spinner("Putting one run into the other…"):
            compared, second = _compared(shown, other)
    except ValueError as error:
        notice(f"These two cannot be compared: {error}.")
        return list
    _say(compared, other, second)
    parts = shown.of(PatchingFields).parts
    pick("Taken from the second run", NAMES, **session.bind(PatchingFields, "parts"))
    pictures = _draw_heads(shown, compared) if parts == "heads" else [_draw_stream(compared, parts)]
    note(f"{NOTES[parts]} {FOOT}")
    _draw_table(compared)
    return lambda: pictures


def settle(shown: PageContext) -> Settled:
    """Show the head that carries most, where the reader chose none."""
    other = shown.of(PatchingFields).other_text or partner(shown.choice.run.text)
    try:
        place = _compared(shown, other)[0].shares[0][1]
    except ValueError:  # said where the pictures would be
        return settled(shown)
    usual = UsualView(place.layer_number, place.head_number, step=1, row=None)
    if shown.view.layer or shown.view.head:
        return settled_on(shown, usual)
    choice, notices = settled_on(shown, usual)
    return choice.with_fields(choice.view.replace(kind=place.kind)), notices


def _compared(shown: PageContext, other: str) -> tuple[Compared, Trace]:
    """What carries the difference to another sentence, and that one's trace.

    Raises:
        ValueError: if the two cannot be compared; the message says why.
    """
    run = shown.choice.run
    second_run = run.replace(text=other, prefix=(), target="")
    second = traces.trace(shown.folder, second_run)
    found = patched(shown.folder, run, second_run, shown.trace, second)
    return Compared(shown.trace, found, functools.partial(piece_name, shown.folder)), second


def _choose_other(shown: PageContext) -> str:
    text = shown.choice.run.text
    listed = {pair: name for name, pair in PAIRS.items()}
    shown_pair = (text, shown.of(PatchingFields).other_text or partner(text))
    st.session_state[PAIR] = shown_pair
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    with left:
        st.selectbox(
            "Choose a pair",
            [*listed, *([] if shown_pair in listed else [shown_pair])],
            format_func=lambda pair: listed.get(pair, "Your own"),
            key=PAIR,
            on_change=_take_pair,
        )
    with right:
        st.text_input(
            "Second sentence",
            placeholder="the same sentence with one word changed",
            **session.bind(PatchingFields, "other_text", shown_pair[1]),
        )
    return shown_pair[1].strip()


def _take_pair() -> None:
    text, other = st.session_state[PAIR]
    session.change_run(text=text, prefix=(), target="")
    session.change(PatchingFields, other_text=other)


def _say(compared: Compared, other: str, second: Trace) -> None:
    """What the second sentence is translated as, where the two part, and how strongly."""
    found = compared.found
    st.markdown(f"{plain(other)} → **{plain(second.target.text)}**")
    st.markdown(
        f"The translations part at step {found.step + 1}. The first sentence makes "
        f"{_rather(compared, found.difference_a)}; the second, after the same words, "
        f"{_rather(compared, found.difference_b)}."
    )
    share, place = compared.shares[0]
    st.markdown(f"Of all heads, **{place.name}** carries most: **{percent(share)}**.")


def _rather(compared: Compared, difference_logits: float) -> str:
    """`“einen” 450 times as probable as “eine”`: e to the difference of the logits."""
    one, two = (plain(compared.label(t)) for t in (compared.found.of_a, compared.found.of_b))
    if difference_logits < 0:
        one, two = two, one
    return f"“{one}” {times(difference_logits)} times as probable as “{two}”"


def times(difference_logits: float) -> str:
    """e to a difference of logits, to three digits: `615`, `8,410`."""
    found = float(np.exp(min(abs(difference_logits), 700)))
    digits = 2 - math.floor(math.log10(found))
    return f"{round(found, digits):,.0f}" if found >= 100 else f"{found:.3g}"


def _draw_heads(shown: PageContext, compared: Compared) -> list[Picture]:
    pictures = head_pictures(compared, shown.place)
    strongest = {place.kind: share for share, place in reversed(compared.shares)}
    for kind in sorted(pictures, key=lambda kind: -strongest[kind]):
        picture = pictures[kind]
        st.markdown(f"**{KIND_NAMES[kind]}**")
        key = HEAD_CHART.format(kind)
        with wide(f"patching-{kind}", least_px(compared.found.heads[kind].shares.shape[1])):
            draw_chart(
                picture.shown,
                alt=picture.title,
                key=key,
                on_select=_taker(kind, key),
                selection_mode="points",
            )
    _draw_head(shown, compared)
    return list(pictures.values())


def _taker(kind: Kind, key: str) -> Callable[[], None]:
    def take() -> None:
        points = st.session_state[key].selection.points
        if points:
            layer, head, *_ = points[0]["customdata"]
            session.change(View, kind=kind, layer=int(layer) + 1, head=int(head) + 1)

    return take


def _draw_head(shown: PageContext, compared: Compared) -> None:
    """The head on show, and the way to it."""
    place = shown.place
    grid = compared.found.heads[place.kind]
    carried = float(grid.shares[place.layer, place.head])
    wrote = compared.label(int(grid.writes[place.layer, place.head]))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{place.name} carries {percent(carried)}; with its output the model writes “{plain(wrote)}”."
        )
        if st.button("Open in Heads", type="tertiary", icon=":material/open_in_new:"):
            session.keep_sentence(shown.choice.run.text)
            session.change(View, step=compared.found.step + 1)
            st.switch_page(PAGES["Heads"])


def _draw_stream(compared: Compared, parts: Parts) -> Picture:
    picture = stream_picture(compared, parts)
    stream = compared.found.source_stream if parts == "source" else compared.found.target_stream
    with wide(f"patching-{parts}", least_px(stream.shares.shape[1])):
        draw_chart(picture.shown, alt=picture.title, key=f"patching-chart-{parts}")
    return picture


def _draw_table(compared: Compared) -> None:
    with st.expander("Heads by what they carry, as a table"):
        draw_table(
            [
                {"head": place.label, "carries": f"{share:.1%}".replace("-", "−")}
                for share, place in compared.shares
            ],
            name="patching",
            caption="What each head carries of the difference",
            is_whole=True,
        )


sentence_page.show_page(
    TITLE,
    LEAD,
    draw,
    settle,
    words=words,
    terms=("piece", "head", "encoder", "decoder", "probability"),
    fields=(PatchingFields,),
    takes_typed=False,
    usual_text=PAIRS["Gender of an object: einen, eine"][0],
)
