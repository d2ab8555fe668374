"""Positional encoding (section 3.5): its vectors, and the model under changed positions."""

import streamlit as st

from core.checkpoint.required import model_config_of
from explorer.app_pages.positions import choices
from explorer.app_pages.positions.fields import MOST_SCALE, PositionsFields
from explorer.app_pages.positions.table_pictures import choose_k, draw_table
from explorer.choice import session
from explorer.choice.page_context import PageContext, Settled, settled
from explorer.figures.head import piece_labels
from explorer.figures.standalone import Picture
from explorer.figures.words import position_strip
from explorer.frame import sentence_page
from explorer.frame.downloads import Pictures
from explorer.frame.messages import note, plain
from explorer.frame.self_check import draw_self_check
from explorer.head import before_after
from explorer.head.fields import BeforeAfterFields

PICTURES = {
    "experiment": "Change them and translate",
    "curves": "Curves",
    "table": "Whole table",
    "distance": "Dot products",
    "shift": "From p to p + k",
    "learned": "Learned beside sinusoids",
}
CHANGES = {"off": "left out", "shift": "shifted by k", "scale": "scaled by s"}
STACKS = {"both": "encoder and decoder", "encoder": "the encoder", "decoder": "the decoder"}
EXPECT = {
    "off": "Without positions the encoder sees a bag of words: in any order they get the same "
    "vectors. The decoder still has its mask, by which step t sees t pieces (section 3.2.3). The "
    "model also misses a vector that was always there; to take away the order alone, scale by 0.",
    "shift": "All distances stay as they are, only absolute places move; for sinusoids that is one "
    "fixed linear map (section 3.5). If the translation suffers, the model has learnt places, not "
    "only distances.",
    "scale": "Distances are multiplied by s, rounded down to a row of the table. Below 1 words "
    "share positions; at 0 all stand at position 0: the vector is there, the order is gone.",
}


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
    st.radio(
        "Show",
        choices.pictures(config),
        format_func=PICTURES.__getitem__,
        horizontal=True,
        label_visibility="collapsed",
        **session.bind(PositionsFields, "picture", shown.of(PositionsFields).picture),
    )
    sentence_page.load_model(shown.folder, st.empty())
    pictures = (
        _experiment(shown)
        if shown.of(PositionsFields).picture == "experiment"
        else draw_table(shown)
    )
    return lambda: pictures


def _experiment(shown: PageContext) -> list[Picture]:
    """Returns the pictures drawn."""
    fields = shown.of(PositionsFields)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.radio(
            "Positions are",
            list(CHANGES),
            format_func=CHANGES.__getitem__,
            horizontal=True,
            **session.bind(PositionsFields, "positions"),
        )
        if fields.positions == "shift":
            choose_k(shown, "by k")
        elif fields.positions == "scale":
            st.number_input(
                "by s",
                0.0,
                MOST_SCALE,
                step=0.25,
                width=140,
                **session.bind(PositionsFields, "scale"),
            )
        st.radio(
            "in",
            list(STACKS),
            format_func=STACKS.__getitem__,
            horizontal=True,
            **session.bind(PositionsFields, "stacks"),
        )
    note(EXPECT[fields.positions])
    _strips(shown)
    run = before_after.changed_run(shown, choices.ablation_text(fields))
    try:
        with st.spinner("Translating under the change…"):
            found = before_after.compare(shown.folder, shown.trace, run)
    except ValueError as error:
        st.error(f"The model cannot be run so: {plain(str(error))}.")
        return []
    before_after.draw_translations(found, choices.change_name(fields))
    pictures = before_after.draw_attention(shown, found)
    draw_self_check(shown.folder, run, found.after, "the changed run")
    return pictures


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
    "Attention alone sees words without their order; what it knows of order comes from a vector that "
    "is added for each position (section 3.5). Look at these vectors, or change them and translate.",
    draw,
    settle,
    terms=("positions", "encoder", "decoder", "log-probability"),
    fields=(PositionsFields, BeforeAfterFields),
    takes_typed=False,
)
