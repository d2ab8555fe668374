"""The shared controls of every page: sentence, model, search."""

from pathlib import Path

import streamlit as st

from core.checkpoint.listing import CheckpointEntry
from explorer.choice import session
from explorer.choice.choice import (
    EXAMPLES,
    LEAST_TEMPERATURE,
    MOST_ALPHA,
    MOST_BEAMS,
    MOST_CHARACTERS,
    MOST_TEMPERATURE,
)
from explorer.frame.messages import plain


def ask_sentence(language: str) -> None:
    """Draw the form for the sentence; the text is used when the reader submits it."""
    key, shown_key = "sentence_text", "sentence_shown"
    text = session.choice().run.text
    shown = (session.page(), text)  # never over half-typed text, but a new page begins with none
    if key not in st.session_state or st.session_state.get(shown_key) != shown:
        st.session_state[key], st.session_state[shown_key] = text, shown

    def ask() -> None:
        session.change_run(text=st.session_state[key])

    with (
        st.form("sentence", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input(f"{language} sentence", key=key, max_chars=MOST_CHARACTERS)
        st.form_submit_button("Translate", type="primary", on_click=ask)


def choose_model(models: list[CheckpointEntry], folder: Path) -> None:
    """Let the reader choose the model, among those that can be loaded."""
    usable = [item.name for item in models if item.problem is None]
    name = next(item.name for item in models if item.folder == folder)
    broken = [f"{item.name}: {item.problem}" for item in models if item.problem]
    key = "choose_model"
    st.session_state[key] = name
    st.selectbox(
        "Model",
        usable,
        key=key,
        label_visibility="collapsed",
        width=220,
        help="; ".join(["Cannot be loaded", *broken]) if broken else None,
        on_change=lambda: session.change_run(model=st.session_state[key]),
    )


def choose_search() -> None:
    """How to search, and sentences to begin with, each behind a button."""
    with st.popover("Search"):
        _search_settings()
    with st.popover("Sentences"):
        _sentences()


def _search_settings() -> None:
    st.selectbox(
        "Method",
        ["beam", "greedy", "sample"],
        help="Section 6.1 of the paper: beam search with beam 4 and α = 0.6",
        **session.bind_run("method"),
    )
    method = session.choice().run.method
    if method == "beam":
        st.slider("Beam size", 1, MOST_BEAMS, **session.bind_run("beam_size"))
        st.selectbox(
            "Length penalty",
            ["gnmt", "power"],
            help="gnmt: ((5 + |Y|) / 6)^α, the paper's. power: |Y|^α, as other toolkits divide.",
            **session.bind_run("length_penalty"),
        )
        st.slider("α", 0.0, MOST_ALPHA, step=0.1, **session.bind_run("alpha"))
    if method == "sample":
        st.slider(
            "Temperature",
            LEAST_TEMPERATURE,
            MOST_TEMPERATURE,
            step=0.05,
            **session.bind_run("temperature"),
        )
        st.number_input("Seed", 0, 999_999_999, **session.bind_run("seed"))


def _sentences() -> None:
    for heading, texts in (("Recent", session.recent_sentences()), ("Examples", EXAMPLES)):
        if texts:
            st.caption(heading)
        for number, text in enumerate(texts):
            st.button(
                plain(text if len(text) <= 80 else text[:79] + "…"),
                key=f"{heading}-{number}",
                type="tertiary",
                on_click=session.change_run,
                kwargs={"text": text},
            )
