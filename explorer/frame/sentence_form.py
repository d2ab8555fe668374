"""The shared controls of every page: the sentence, how it is decoded, sentences to begin with."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core.text.languages import (
    language_name,
    language_of,
    told_language,
    with_language,
    without_language,
)
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


def ask_sentence(language: str, *, is_told_language: bool = False) -> None:
    """Draw the form for the sentence; the text is used when the reader submits it.

    Args:
        is_told_language: whether the text's first word names the target language; it is chosen
            beside the form.
    """
    key, shown_key = "sentence_text", "sentence_shown"
    now = session.choice().run.text
    text = without_language(now) if is_told_language else now
    shown = (session.page(), text)  # never over half-typed text, but a new page begins with none
    if key not in st.session_state or st.session_state.get(shown_key) != shown:
        st.session_state[key], st.session_state[shown_key] = text, shown

    def ask() -> None:
        typed = st.session_state[key]
        is_complete = not is_told_language or language_of(typed) is not None
        session.change_run(text=typed if is_complete else with_language(typed, language_of(now)))

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


def choose_target_language(languages: Sequence[str]) -> None:
    """The language that a multilingual model translates into: the first token that it reads."""
    key, text = "target_language", session.choice().run.text
    known = language_of(text)
    st.session_state[key] = known if known in languages else None

    def take() -> None:
        session.change_run(text=with_language(text, st.session_state[key]))

    st.selectbox(
        "Translate into",
        languages,
        key=key,
        format_func=_language_label,
        placeholder="Translate into …",
        label_visibility="collapsed",
        on_change=take,
    )


def _language_label(code: str) -> str:
    """Such as `German (de)`; of a language without a name, its code."""
    name = language_name(code)
    return code if name == code else f"{name} ({code})"


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
            help="gnmt: ((5 + |Y|) / 6)^α, the paper's. power: |Y|^α, as other toolkits divide; "
            "transformers translates with OPUS-MT by power and α = 1.",
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


def offer_sentences(examples: Sequence[str], languages: Sequence[str] = ()) -> None:
    """Sentences to begin with, and those of this session, each a click.

    Args:
        languages: the target languages of a multilingual model; each sentence is told the one on
            screen.
    """
    now = session.choice().run.text

    def told(text: str) -> str:
        is_told = language_of(text) in languages
        return told_language(text if is_told else with_language(text, language_of(now)), languages)

    recent = session.recent_sentences()
    if recent:
        with st.popover("Recent", key="bar_recent"):
            _buttons("recent", {text: told(text) for text in recent}, MOST_OF_A_SENTENCE)
    others = [text for text in examples if text != without_language(now)]
    _buttons("example", {text: told(text) for text in others}, MOST_OF_A_CHIP)


def _buttons(name: str, texts: Mapping[str, str], most: int) -> None:
    """A button for each sentence, which asks for the text that stands behind it."""
    for number, (text, asked) in enumerate(texts.items()):
        st.button(
            plain(text if len(text) <= most else text[: most - 1] + "…"),
            key=f"{name}-{number}",
            help=plain(text) if len(text) > most else None,
            on_click=session.change_run,
            kwargs={"text": asked},
        )
