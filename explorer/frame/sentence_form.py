"""The shared controls of every page: the sentence, how it is decoded, sentences to begin with."""

from collections.abc import Sequence

import streamlit as st

from explorer.choice import session
from explorer.choice.choice import (
    LEAST_TEMPERATURE,
    MOST_ALPHA,
    MOST_BEAMS,
    MOST_CHARACTERS,
    MOST_TEMPERATURE,
)
from explorer.frame.messages import plain

MOST_OF_A_CHIP, MOST_OF_A_SENTENCE = 44, 80
"""Characters that are shown of a sentence on its button."""


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
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        st.text_input(
            f"{language} sentence",
            key=key,
            max_chars=MOST_CHARACTERS,
            placeholder=f"Type a sentence ({language})",
            label_visibility="collapsed",
        )
        st.form_submit_button("Translate", type="primary", on_click=ask)


def choose_decoding() -> None:
    """How the translation is searched for."""
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


def offer_sentences(examples: Sequence[str]) -> None:
    """Sentences to begin with, and those of this session, each a click."""
    recent = session.recent_sentences()
    if recent:
        with st.popover("Recent", key="bar_recent"):
            _buttons("recent", recent, MOST_OF_A_SENTENCE)
    _buttons(
        "example", [text for text in examples if text != session.choice().run.text], MOST_OF_A_CHIP
    )


def _buttons(name: str, texts: Sequence[str], most: int) -> None:
    for number, text in enumerate(texts):
        st.button(
            plain(text if len(text) <= most else text[: most - 1] + "…"),
            key=f"{name}-{number}",
            help=plain(text) if len(text) > most else None,
            on_click=session.change_run,
            kwargs={"text": text},
        )
