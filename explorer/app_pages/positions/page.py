"""Positional encoding (section 3.5): its vectors, and the model under changed positions."""

from typing import Any

import streamlit as st

from core.analysis.trace.warnings import warnings_of
from core.checkpoint.required import model_config_of
from core.config import ModelConfig
from explorer.app_pages.positions import choices
from explorer.app_pages.positions.fields import MOST_SCALE, PositionsFields
from explorer.app_pages.positions.table_pictures import choose_k, choose_of_table, draw_table
from explorer.choice import session
from explorer.choice.page_context import PageContext, Settled, settled
from explorer.figures.head import piece_labels
from explorer.figures.standalone import Picture
from explorer.figures.words import position_strip
from explorer.frame import sentence_page
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import draw_translations
from explorer.frame.messages import note, plain
from explorer.frame.pick import pick
from explorer.frame.self_check import draw_self_check
from explorer.head import before_after
from explorer.head.differences import Comparison, reading
from explorer.head.fields import BeforeAfterFields

PICTURES = {
    "table": "Table",
    "curves": "Curves",
    "distance": "Dot products",
    "shift": "From p to p + k",
    "learned": "Learned beside sinusoids",
}
CHANGES = {"off": "left out", "shift": "shifted", "scale": "scaled"}
STACKS = {"both": "both", "encoder": "the encoder", "decoder": "the decoder"}
EXPECT = {
    "off": "Without positions, the encoder gives each word the same vector in whatever order the words "
    "stand. The decoder still has its mask, so step t sees only t pieces (section 3.2.3). The model also "
    "misses a vector that was always there: “Take the order away” leaves it, and puts all words at 0.",
    "shift": "All distances stay as they are; only the absolute places move. For sinusoids that is one "
    "fixed linear map (section 3.5). If the translation suffers, the model has learnt places, not "
    "only distances.",
    "scale": "Distances are multiplied by s, rounded down to a row of the table. Below 1, words share "
    "positions; at 0 all stand at position 0: the vector is there, the order is gone.",
}
STRONGEST: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Shift all by 5", {"positions": "shift", "k": 5, "stacks": "both"}),
    ("Take the order away", {"positions": "scale", "scale": 0.0, "stacks": "both"}),
)


def settle(shown: PageContext) -> Settled:
    choice, notices = settled(shown)
    config = model_config_of(shown.folder)
    lengths = choices.lengths(shown.trace, config)
    fields, more = choices.settle_positions(shown.of(PositionsFields), config, lengths)
    return choice.with_fields(fields), (*notices, *more)


def draw(shown: PageContext) -> Pictures:
    config = model_config_of(shown.folder)
    if config.positions == "none":
        st.info(
            "This model adds no positions to its embeddings: there is nothing to draw and nothing "
            "to change. What it knows of order, its decoder has from its mask (section 3.2.3)."
        )
        return list
    sentence_page.load_model(shown.folder, st.empty())
    left, right = st.columns([6, 5], gap="large")
    with left:
        drawn = _table(shown, config)
    with right:
        found = _experiment(shown)
    if found is None:
        return lambda: drawn
    drawn += before_after.draw_attention(
        shown, found, choices.change_name(shown.of(PositionsFields))
    )
    run = before_after.changed_run(shown, choices.ablation_text(shown.of(PositionsFields)))
    draw_self_check(shown.folder, run, found.after, "the changed run")
    return lambda: drawn


def _table(shown: PageContext, config: ModelConfig) -> list[Picture]:
    """Draw what the model adds for each position; returns the pictures drawn."""
    st.subheader("The vector that is added at each position", anchor=False)
    names = {name: PICTURES[name] for name in choices.pictures(config)}
    picture = shown.of(PositionsFields).picture
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pick("Picture", names, **session.bind(PositionsFields, "picture", picture))
        choose_of_table(shown)
    return draw_table(shown)


def _experiment(shown: PageContext) -> Comparison | None:
    """Translate under other positions; None, with a message, where the model cannot be run so."""
    fields = shown.of(PositionsFields)
    st.subheader("Change the positions, and read the translation", anchor=False)
    with st.container(horizontal=True):
        for label, values in STRONGEST:
            st.button(label, on_click=session.change, args=(PositionsFields,), kwargs=values)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pick("Positions are", CHANGES, **session.bind(PositionsFields, "positions"))
        if fields.positions == "shift":
            choose_k(shown, "by k")
        elif fields.positions == "scale":
            bound = session.bind(PositionsFields, "scale")
            st.number_input("by s", 0.0, MOST_SCALE, step=0.25, width=140, **bound)
        pick("in", STACKS, **session.bind(PositionsFields, "stacks"))
    run = before_after.changed_run(shown, choices.ablation_text(fields))
    try:
        with st.spinner("Translating under the change…"):
            found = before_after.compare(shown.folder, shown.trace, run)
    except ValueError as error:
        st.error(f"The model cannot be run so: {plain(str(error))}.")
        return None
    name = choices.change_name(fields)
    st.markdown(plain(f"Translated again ({name}):"))
    lines = [before_after.translation_after(shown, found, "after", run)]
    draw_translations(shown, lines, warnings_of(found.after), key="after", has_source=False)
    note(plain(f"With {name}: {reading(found)}"))
    note(EXPECT[fields.positions])
    _strips(shown)
    return found


def _strips(shown: PageContext) -> None:
    """Draw the positions of all tokens before and after, for the stacks that are changed."""
    for stack, pieces in (
        ("encoder", shown.trace.source.pieces),
        ("decoder", shown.trace.consumed),
    ):
        if shown.of(PositionsFields).stacks in ("both", stack):
            words = piece_labels(piece.name for piece in pieces)
            moved = choices.moved_positions(shown.of(PositionsFields), len(words))
            st.html(position_strip(f"Positions in the {stack}", words, moved))


sentence_page.show_page(
    "How does it know the order of words?",
    "Attention alone sees words without their order. A vector added for each position tells it where a "
    "word stands (section 3.5). Change these vectors, and see what becomes of the translation.",
    draw,
    settle,
    terms=("positions", "encoder", "decoder", "log-probability"),
    fields=(PositionsFields, BeforeAfterFields),
    takes_typed=False,
)
