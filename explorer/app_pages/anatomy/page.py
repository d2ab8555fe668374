"""The loaded model drawn as the paper's Figure 1, with the sentence on screen in it."""

import streamlit as st

from core.checkpoint.required import model_config_of
from core.config import ModelConfig
from explorer.app_pages.anatomy.fields import AnatomyFields
from explorer.app_pages.anatomy.sentence import sentence_of
from explorer.app_pages.anatomy.sizes import PAPER_MILLIONS, as_table, parameters, sizes
from explorer.app_pages.anatomy.view import figure_view, settle, take_view
from explorer.app_pages.registry import PAGES, url_path
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.components.anatomy.blocks import Block
from explorer.components.anatomy.component import (
    SCRIPT,
    STYLE,
    FigureView,
    anatomy_figure,
    anatomy_payload,
    opened,
    viewed,
)
from explorer.engine import models
from explorer.engine.analyses import model_vectors
from explorer.engine.table3 import paper_base
from explorer.figures.standalone import Mounted, Picture
from explorer.frame import sentence_page
from explorer.frame.again import draw_again, lacks_model
from explorer.frame.downloads import Pictures
from explorer.frame.messages import note

MODEL = "model"


def draw(shown: PageContext) -> Pictures:
    config = model_config_of(shown.folder)
    if asked := opened(config, MODEL):
        _leave(*asked)
    paths = {title: url_path(script) for title, script in PAGES.items()}
    anatomy_figure(
        _payload(shown, config, paths),
        key=MODEL,
        on_view=lambda: take_view(viewed(MODEL)),
    )
    lacks_model(shown, lacks=not models.is_loaded(shown.folder))
    with st.expander(f"{config.n_parameters:,} parameters: the model's sizes beside the paper's"):
        _sizes(shown, config)
    return lambda: _pictures(shown, config)


def _payload(shown: PageContext, config: ModelConfig, pages: dict[str, str] | None = None) -> bytes:
    """The figure; before the model is loaded, without the numbers that only the model can give."""
    run, vectors = shown.choice.run, None
    if models.is_loaded(shown.folder):
        vectors = model_vectors(shown.folder, run, shown.trace)
    sentence = sentence_of(shown.trace, vectors)
    name = f"{shown.folder.name} {run}"
    return anatomy_payload(config, sentence, figure_view(shown), run=name, pages=pages)


def _leave(block: Block, view: FigureView) -> None:
    """Open the page of a block; that of an attention block on that block's kind of attention."""
    take_view(view)
    if block.attention:
        seen = session.choice().of(AnatomyFields)
        side = "encoder" if block.attention == "encoder" else "decoder"
        layer, head = getattr(seen, f"{side}_layer"), getattr(seen, f"{block.attention}_head")
        session.change(View, kind=block.attention, layer=layer, head=head)
    if block.page:
        st.switch_page(PAGES[block.page])


def _sizes(shown: PageContext, config: ModelConfig) -> None:
    base, trace = paper_base(), shown.trace
    head = ("Size", "this model", "the paper's base")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(as_table(head, sizes(config, base)))
    with right:
        st.markdown(as_table(("Where they are", *head[1:]), parameters(config, base)))
        note(
            f"Table 3 prints {PAPER_MILLIONS} million for base; with the about 37,000 pieces of "
            f"section 5.1 its sizes make {base.n_parameters / 1e6:.2f} million. Embeddings and the "
            "last projection are one table, counted once (section 3.4)."
        )
        note(
            f"In shapes, S = {len(trace.source.pieces)} is the number of source pieces and T that "
            f"of tokens the decoder has read, up to {len(trace.consumed)} here; special tokens are "
            "included."
        )


def _pictures(shown: PageContext, config: ModelConfig) -> list[Picture]:
    """The pictures on the page, for a file."""
    return [Picture(shown.folder.name, Mounted(SCRIPT, STYLE, _payload(shown, config)))]


sentence_page.show_page(
    "What is the model made of?",
    "The loaded model as Figure 1 of the paper with your sentence in it, from the bottom up: step "
    "through the translation, point at a word, and click a block to open it.",
    draw,
    settle,
    terms=("encoder", "decoder", "residual", "attention"),
    fields=(AnatomyFields,),
)
draw_again()
