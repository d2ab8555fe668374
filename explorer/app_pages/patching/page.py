"""What carries the difference between two sentences: parts of one run put into the other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.analysis.head_place import KIND_NAMES, HeadPlace
from core.analysis.trace.trace import Trace
from core.config import KINDS
from explorer.app_pages.patching.fields import Parts, PatchingFields
from explorer.app_pages.patching.pairs import PAIRS, partner
from explorer.app_pages.registry import PAGES
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.engine import traces
from explorer.engine.models import load
from explorer.engine.patching import patched, piece_name
from explorer.figures.axes import signed
from explorer.figures.head import piece_label, piece_labels, token_label
from explorer.figures.signed_cells import least_px, signed_cells
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import draw_in_words
from explorer.frame.messages import note, notice, plain
from explorer.frame.pick import pick
from explorer.frame.tables import draw_table
from explorer.frame.wide import wide

if TYPE_CHECKING:
    from core.analysis.patching.patch import Grid, Patching

TITLE = "What carries the difference between two sentences?"
LEAD = (
    "The model reads two sentences that differ in a word. One part of the second run at a time is put into the first: "
    "a part that carries the difference turns the translation round."
)
NAMES: dict[Parts, str] = {
    "heads": "Every head",
    "source": "Every source piece",
    "target": "Every step",
}
NOTES: dict[Parts, str] = {
    "heads": (
        "A head’s output in the second run replaces its output in the first, at every position. Click a cell to look at "
        "the head."
    ),
    "source": (
        "What stands at one source piece after an encoder layer in the second run replaces what stands there in the "
        "first; embeddings are the top row. So one sees at which piece, and up to which layer, the difference is held."
    ),
    "target": (
        "What stands at one step after a decoder layer in the second run replaces what stands there in the first; "
        "embeddings are the top row. Both runs have read the same words, so they differ only in what they took from the "
        "source."
    ),
}
FOOT = (
    "0 % changes nothing, 100 % does all that the other sentence does; shares of single parts need not add up, since "
    "parts work on each other. This is activation patching (Vig et al. 2020)."
)
HEAD_CHART = "patched_{}"


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sentences, and what carries the difference."""

    shown: PageContext
    second: Trace
    found: "Patching"

    def label(self, token: int) -> str:
        """A token as it is read."""
        return piece_label(piece_name(self.shown.folder, token))


def words(shown: PageContext) -> None:
    load(shown.folder)
    draw_in_words(shown)


def draw(shown: PageContext) -> Pictures:
    other = _choose_other(shown)
    if not other:
        note("Type a second sentence, or choose a pair.")
        return list
    run = shown.choice.run
    second_run = run.replace(text=other, prefix=(), target="")
    try:
        second = traces.trace(shown.folder, second_run)
        with st.spinner("Putting one run into the other…"):
            found = patched(shown.folder, run, second_run, shown.trace, second)
    except ValueError as error:
        notice(f"These two cannot be compared: {error}.")
        return list
    pair = Pair(shown, second, found)
    _say(pair, other)
    fields = shown.of(PatchingFields)
    pick("Taken from the second run", NAMES, **session.bind(PatchingFields, "parts"))
    drawn = _DRAW[fields.parts](pair)
    note(f"{NOTES[fields.parts]} {FOOT}")
    _draw_table(found)
    return lambda: drawn


def _choose_other(shown: PageContext) -> str:
    text = shown.choice.run.text
    listed = {pair: name for name, pair in PAIRS.items()}
    shown_pair = (text, shown.of(PatchingFields).other_text or partner(text))
    left, right = st.columns(2, gap="medium", vertical_alignment="bottom")
    with left:
        st.selectbox(
            "A pair",
            [*listed, *([] if shown_pair in listed else [shown_pair])],
            format_func=lambda pair: listed.get(pair, "Your own"),
            index=[*listed, shown_pair].index(shown_pair),
            key="patching_pair",
            on_change=_take_pair,
        )
    with right:
        st.text_input(
            "Second sentence",
            placeholder="a sentence of as many pieces",
            **session.bind(PatchingFields, "other_text", shown_pair[1]),
        )
    return shown_pair[1].strip()


def _take_pair() -> None:
    text, other = st.session_state["patching_pair"]
    session.change_run(text=text, prefix=(), target="")
    session.change(PatchingFields, other_text=other)


def _say(pair: Pair, other: str) -> None:
    """What the second sentence is translated as, where the two part, and how strongly."""
    found = pair.found
    st.markdown(f"**{plain(other)}** → {plain(pair.second.target.text)}")
    st.markdown(
        f"The translations part at step {found.step + 1}. The first sentence makes "
        f"{_rather(pair, found.difference_a)}; the second, after the same words, {_rather(pair, found.difference_b)}."
    )
    share, place = strongest(found)
    st.markdown(f"Of all heads, **{place.name}** carries most: **{_percent(share)}**.")


def _rather(pair: Pair, difference_logits: float) -> str:
    """`“einen” 450 times as probable as “eine”`: e to the difference of the logits."""
    one, two = plain(pair.label(pair.found.of_a)), plain(pair.label(pair.found.of_b))
    if difference_logits < 0:
        one, two = two, one
    times = np.exp(min(abs(difference_logits), 700))
    return f"“{one}” {times:,.3g} times as probable as “{two}”"


def strongest(found: "Patching") -> tuple[float, HeadPlace]:
    """The head that carries most, and its share."""
    return max(_shares(found), key=lambda each: each[0])


def _shares(found: "Patching") -> list[tuple[float, HeadPlace]]:
    return [
        (float(found.heads[kind].shares[layer, head]), HeadPlace(kind, layer, head))
        for kind in KINDS
        for layer, head in np.ndindex(found.heads[kind].shares.shape)
    ]


def _draw_heads(pair: Pair) -> list[Picture]:
    found = pair.found
    limit = _limit(*(found.heads[kind].shares for kind in KINDS))
    pictures = []
    for kind in KINDS:
        grid = found.heads[kind]
        n_layers, n_heads = grid.shares.shape
        title = f"{KIND_NAMES[kind]}: what each head carries"
        place = pair.shown.place
        figure = _figure(
            pair,
            grid,
            limit,
            rows=[f"Layer {n}" for n in range(1, n_layers + 1)],
            columns=[str(n) for n in range(1, n_heads + 1)],
            column_title="head",
            marked=(place.layer, place.head) if place.kind == kind else None,
        )
        st.markdown(f"**{KIND_NAMES[kind]}**")
        key = HEAD_CHART.format(kind)
        with wide(f"patching-{kind}", least_px(n_heads)):
            draw_chart(
                figure, alt=title, key=key, on_select=_taker(kind, key), selection_mode="points"
            )
        pictures.append(Picture(title, figure, f"{NOTES['heads']} {FOOT}"))
    _draw_head(pair)
    return pictures


def _taker(kind: str, key: str) -> Callable[[], None]:
    def take() -> None:
        points = st.session_state[key].selection.points
        if points:
            layer, head, *_ = points[0]["customdata"]
            session.change(View, kind=kind, layer=int(layer) + 1, head=int(head) + 1)

    return take


def _draw_head(pair: Pair) -> None:
    """The head on show, and the way to it."""
    place = pair.shown.place
    grid = pair.found.heads[place.kind]
    carried = float(grid.shares[place.layer, place.head])
    wrote = pair.label(int(grid.writes[place.layer, place.head]))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{place.name} carries {_percent(carried)}; with its output the model writes “{plain(wrote)}”."
        )
        if st.button("Open in Heads", type="tertiary", icon=":material/open_in_new:"):
            st.switch_page(PAGES["Heads"])


def _draw_source(pair: Pair) -> list[Picture]:
    columns = piece_labels(piece.name for piece in pair.shown.trace.source.pieces)
    return _draw_stream(pair, pair.found.source_stream, columns, "source piece", "source")


def _draw_target(pair: Pair) -> list[Picture]:
    read = pair.shown.trace.consumed[: pair.found.step + 1]
    columns = piece_labels(piece.name for piece in read)
    return _draw_stream(pair, pair.found.target_stream, columns, "read at the step", "target")


def _draw_stream(
    pair: Pair,
    grid: "Grid",
    columns: list[str],
    column_title: str,
    parts: Parts,
) -> list[Picture]:
    n_depths, n_columns = grid.shares.shape
    title = f"{NAMES[parts]}: what it carries after each layer"
    figure = _figure(
        pair,
        grid,
        _limit(grid.shares),
        rows=["Embeddings", *(f"Layer {n}" for n in range(1, n_depths))],
        columns=list(map(token_label, columns)),
        column_title=column_title,
    )
    with wide(f"patching-{parts}", least_px(n_columns)):
        draw_chart(figure, alt=title, key=f"patching-chart-{parts}")
    return [Picture(title, figure, f"{NOTES[parts]} {FOOT}")]


_DRAW: dict[Parts, Callable[[Pair], list[Picture]]] = {
    "heads": _draw_heads,
    "source": _draw_source,
    "target": _draw_target,
}


def _figure(
    pair: Pair,
    grid: "Grid",
    limit: float,
    *,
    rows: list[str],
    columns: list[str],
    column_title: str,
    marked: tuple[int, int] | None = None,
) -> go.Figure:
    hovers = [
        [
            f"{rows[row]}, {columns[column]}: {_percent(float(grid.shares[row, column]))} of the difference; the model "
            f"writes “{token_label(pair.label(int(grid.writes[row, column])))}”"
            for column in range(len(columns))
        ]
        for row in range(len(rows))
    ]
    return signed_cells(
        grid.shares,
        limit=limit,
        texts=[[_percent(float(share)) for share in row] for row in grid.shares],
        hovers=hovers,
        rows=rows,
        columns=columns,
        number="share of the difference",
        column_title=column_title,
        marked=marked,
    )


def _limit(*shares: "np.ndarray") -> float:
    return max(1.0, *(float(np.abs(each).max()) for each in shares))


def _percent(share: float) -> str:
    return f"{signed(100 * share, 0)} %"


def _draw_table(found: "Patching") -> None:
    with st.expander("Heads by what they carry, as a table"):
        draw_table(
            [
                {"head": place.label, "carries": f"{share:.1%}".replace("-", "−")}
                for share, place in sorted(_shares(found), key=lambda each: -each[0])
            ],
            name="patching",
            caption="What each head carries of the difference",
            is_whole=True,
        )


sentence_page.show_page(
    TITLE,
    LEAD,
    draw,
    words=words,
    terms=("piece", "head", "encoder", "decoder"),
    fields=(PatchingFields,),
    takes_typed=False,
    usual_text=PAIRS["Gender of an object: einen, eine"][0],
)
