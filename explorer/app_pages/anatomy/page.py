"""The loaded model drawn as the paper's Figure 1, from its own shapes."""

import streamlit as st

from core.checkpoint.required import model_config_of
from core.config import ModelConfig
from explorer.app_pages.anatomy.sizes import PAPER_MILLIONS, as_table, parameters, sizes
from explorer.app_pages.registry import PAGES
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.components.anatomy.component import (
    SCRIPT,
    STYLE,
    anatomy_figure,
    anatomy_payload,
    opened,
)
from explorer.engine.table3 import paper_base
from explorer.figures.standalone import Mounted, Picture
from explorer.frame import sentence_page
from explorer.frame.downloads import Pictures
from explorer.frame.messages import note

MODEL = "model"


def draw(shown: PageContext) -> Pictures:
    config = model_config_of(shown.folder)
    picture, words = st.columns([3, 2], gap="large")
    with picture:
        anatomy_figure(config, PAGES, key=MODEL, on_open=lambda: _take_kind(config))
    block = opened(config, MODEL)
    if block and block.page:
        st.switch_page(PAGES[block.page])
    with words:
        _sizes(shown, config)
    return lambda: _pictures(shown)


def _take_kind(config: ModelConfig) -> None:
    """Open the page of an attention block on that block's kind of attention."""
    block = opened(config, MODEL)
    if block and block.attention:
        session.change(View, kind=block.attention)


def _sizes(shown: PageContext, config: ModelConfig) -> None:
    base, trace = paper_base(), shown.trace
    head = ("Size", "this model", "the paper's base")
    st.subheader(f"{config.n_parameters:,} parameters", anchor=False)
    st.markdown(as_table(head, sizes(config, base)))
    st.markdown(as_table(("Where they are", *head[1:]), parameters(config, base)))
    note(
        f"Table 3 prints {PAPER_MILLIONS} million for base; with the about 37,000 pieces of section "
        f"5.1 its sizes make {base.n_parameters / 1e6:.2f} million. Embeddings and the last "
        "projection are one table, counted once (section 3.4)."
    )
    note(
        "In the picture, S and T are numbers of pieces: in this sentence "
        f"S = {len(trace.source.pieces)} in the source and T = {len(trace.consumed)} in the target, "
        "special tokens included."
    )


def _pictures(shown: PageContext) -> list[Picture]:
    """The pictures on the page, for a file."""
    payload = anatomy_payload(model_config_of(shown.folder))
    return [Picture(shown.folder.name, Mounted(SCRIPT, STYLE, payload))]


sentence_page.show_page(
    "What is the model made of?",
    "The loaded model as Figure 1 of the paper, from the bottom up: point at a block for its shapes "
    "and parameters, and click one marked ↗ to see it at work on your sentence.",
    draw,
    terms=("encoder", "decoder", "residual", "attention"),
)
