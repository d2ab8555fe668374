"""Every component that answers, on one page: what was opened last is written below."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import streamlit as st

from core.config import ModelConfig
from explorer.components.anatomy import component as anatomy
from explorer.components.beam import component as beam
from explorer.components.lines import component as lines
from tests.explorer.figure_sentences import sentence_for, view_of
from tests.explorer.trees import beam_of

st.header("Gallery")


found = beam_of(6, 3)
beam.beam_tree(
    found,
    {node.token: f"▁t{node.token}" for node in found.tree} | {2: "<b>שלום"},
    chosen=st.session_state.get("beam_opened"),
    key="beam",
    on_open=lambda: st.session_state.update(beam_opened=beam.opened("beam")),
)
model = ModelConfig(vocabulary_size=100, n_encoder_layers=2, n_decoder_layers=3)
pages = {"Translate": "translate", "Positions": "positions"}
asked = anatomy.opened(model, "anatomy")
anatomy.anatomy_figure(
    anatomy.anatomy_payload(model, sentence_for(model), view_of(), run="r", pages=pages),
    key="anatomy",
    on_view=lambda: None,
)
weights = np.random.default_rng(1).dirichlet(np.full(4, 0.3), size=(2, 3))
lines.lines(
    lines.lines_payload(
        weights,
        rows=["a", "<i>b</i>", "שלום"],
        columns=["x", "y", "x", "z"],
        row_title="asks",
        column_title="looked at",
        heads=["L1H1", "L1H2"],
    ),
    key="lines",
)
st.write(f"Node: {st.session_state.get('beam_opened')}")
st.write(f"Page: {asked and asked[0].page}")
