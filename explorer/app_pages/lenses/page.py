"""What every layer holds, read as text: DecoderLens for the encoder, the logit lens for the decoder."""

import numpy as np
import streamlit as st

from core.text.word_diff import word_diff
from explorer.app_pages.lenses.fields import LensFields
from explorer.app_pages.lenses.figures import LEAST_CELL_PX, depth_name, scores_figure
from explorer.app_pages.lenses.pictures import grid_picture
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.components.words.component import TargetWord, Translation
from explorer.engine import lens
from explorer.engine.models import load
from explorer.engine.traces import continuation
from explorer.figures.head import piece_label
from explorer.figures.invisible import visible
from explorer.figures.standalone import Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import draw_in_words, draw_translations
from explorer.frame.messages import note, notice, plain
from explorer.frame.tables import draw_table
from explorer.frame.wide import wide

TITLE = "What does each layer know?"
LEAD = (
    "Two lenses read the layers as text. The decoder translates from an earlier encoder layer, as if the rest were "
    "not there; and each decoder layer is asked which piece it would write if it were the last."
)
ENCODER_NOTE = (
    "DecoderLens (Langedijk et al. 2023). Marked words are not in the translation of the whole encoder. A bad "
    "translation from an early layer does not prove that the layer knows little: the decoder never learnt to read it."
)
SCORES_NOTE = "The same over {n} sentences of {text}, {method} search, with 95 % intervals. The last bars are the whole model."
CHART = "lens_grid"


def words(shown: PageContext) -> None:
    load(shown.folder)
    draw_in_words(shown)


def draw(shown: PageContext) -> Pictures:
    pictures = _draw_encoder(shown)
    pictures.append(_draw_decoder(shown))
    return lambda: pictures


def _draw_encoder(shown: PageContext) -> list[Picture]:
    """A translation for each depth, and how good each is over a text."""
    st.subheader("The decoder reads an earlier encoder layer", anchor=False)
    found = lens.translations_by_depth(shown.folder, shown.choice.run, shown.trace)
    lines = [_line(depth, text, found[-1]) for depth, text in enumerate(found)]
    draw_translations(shown, lines[::-1], key="lens_words", has_source=False)
    note(ENCODER_NOTE)
    scores = lens.lens_scores(shown.folder)
    if isinstance(scores, str):
        notice(scores)
    elif scores:
        said = SCORES_NOTE.format(
            n=f"{scores.n_sentences:,}",
            text=scores.text,
            method=scores.search.get("method", "beam"),
        )
        title = "How good each encoder layer is for the decoder"
        figure = scores_figure(scores)
        draw_chart(figure, alt=title, key="lens-scores")
        note(plain(said))
        return [Picture(title, figure, said)]
    return []


def _line(depth: int, text: str, whole: str) -> Translation:
    """One depth's translation; words that the whole encoder's lacks are marked."""
    runs = [run for run in word_diff(whole, text) if run.change != "removed"]
    marked = [
        TargetWord(visible(word), is_changed=run.change == "added")
        for run in runs
        for word in run.text.split()
    ]
    return Translation(depth_name(depth), marked, text, is_first=False)


def _draw_decoder(shown: PageContext) -> Picture:
    """The grid, the candidates of one cell, and one token's rank."""
    st.subheader("What each decoder layer would write", anchor=False)
    found = lens.logit_lens(shown.folder, shown.choice.run, shown.trace)
    n_depths, n_steps = found.ranks.shape
    chosen = shown.of(LensFields).read
    depth, step = min(n_depths - 1 if chosen is None else chosen, n_depths - 1), shown.step - 1
    picture = grid_picture(shown.trace, found, (depth, step))
    with wide("lens-grid", LEAST_CELL_PX * n_steps + 120):
        draw_chart(
            picture.shown,
            alt=picture.title,
            key=CHART,
            on_select=_take_cell,
            selection_mode="points",
        )
    note(picture.note)
    left, right = st.columns(2, gap="large")
    with left:
        _draw_candidates(shown, depth, step)
    with right:
        _draw_ranks(shown, step)
    return picture


def _take_cell() -> None:
    points = st.session_state[CHART].selection.points
    if points:
        point = points[0]
        session.change(LensFields, read=int(point["y"]))
        session.change(
            View, step=round(point["base"] + 0.5) + 1 if "base" in point else int(point["x"])
        )


def _draw_candidates(shown: PageContext, depth: int, step: int) -> None:
    found = lens.logit_lens(shown.folder, shown.choice.run, shown.trace)
    st.markdown(f"**{depth_name(depth)} at step {step + 1}**")
    draw_table(
        [
            {"piece": visible(piece_label(name)), "probability": f"{probability:.1%}"}
            for name, probability in zip(
                found.names[depth][step], found.probabilities[depth, step], strict=True
            )
        ],
        name="lens-candidates",
        caption=f"{depth_name(depth)}, step {step + 1}",
        is_whole=True,
    )


def _draw_ranks(shown: PageContext, step: int) -> None:
    """The rank of the written token, or of a pinned word, after each layer."""
    written = shown.trace.target.pieces[step]
    typed = shown.of(LensFields).pinned.strip()
    tokens = continuation(shown.folder, (), typed) if typed else ()
    token = tokens[0] if tokens else written.id
    ranks = lens.ranks_of(shown.folder, shown.choice.run, shown.trace, token)[:, step]
    label = visible(typed) if tokens else piece_label(written.name)
    st.markdown(f"**The rank of “{plain(label)}” among all pieces, step {step + 1}**")
    draw_table(
        [
            {"after layer": depth_name(depth), "rank": f"{int(rank):,}"}
            for depth, rank in reversed(list(enumerate(ranks)))
        ],
        name="lens-ranks",
        caption=f"The rank of {label} at step {step + 1}",
        is_whole=True,
    )
    first = int(np.argmax(ranks == 1)) if (ranks == 1).any() else None
    if not tokens and first is not None:
        note(f"{depth_name(first)} is the first to put it at rank 1.")
    st.text_input(
        "Follow another word",
        placeholder="A word; its first piece is followed",
        **session.bind(LensFields, "pinned", shown.of(LensFields).pinned),
    )


sentence_page.show_page(
    TITLE,
    LEAD,
    draw,
    words=words,
    terms=("encoder", "decoder", "piece", "probability"),
    fields=(LensFields,),
)
