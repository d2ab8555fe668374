"""The slim bar above every page: model, sentence, decoding, examples, and what can be taken away.

It stays in sight while the page scrolls. On a narrow screen the sentence comes first, and the rest
is one row that scrolls sideways.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.checkpoint.listing import CheckpointEntry
from core.checkpoint.required import model_config_of
from core.config import ModelConfig
from core.text.languages import told_language, without_language
from explorer.choice import session
from explorer.engine import checkpoints
from explorer.frame.messages import plain, without_pictures
from explorer.frame.sentence_form import (
    ask_sentence,
    choose_decoding,
    choose_target_language,
    offer_sentences,
)
from explorer.frame.tour import start_tour

STYLE = Path(__file__).with_name("top_bar.css")


def top_bar(listed: Sequence[CheckpointEntry], folder: Path) -> Any:
    """Draw the bar; returns the place for links and downloads."""
    st.html(STYLE)
    source, target = checkpoints.languages(folder)
    with st.container(key="bar", horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover(_short_story(listed, folder), key="bar_model"):
            _tell_model(listed, folder, source, target)
        into = checkpoints.target_languages(folder)
        if into:
            with st.container(key="bar_into", width=150):
                choose_target_language(into)
        with st.container(key="bar_sentence"):
            ask_sentence(source, is_told_language=bool(into))
        with st.container(key="bar_more", horizontal=True, gap="small"):
            with st.popover("Decoding", icon=":material/tune:"):
                choose_decoding()
            saving = st.popover("Save & share", icon=":material/ios_share:")
            start_tour()
        with st.container(key="bar_examples", horizontal=True, gap="small"):
            offer_sentences(checkpoints.examples(folder), into)
    return saving


def _short_story(listed: Sequence[CheckpointEntry], folder: Path) -> str:
    """Languages and size of a model; its name, if it does not say its languages."""
    source, target = checkpoints.languages(folder)
    name = f"{source} → {target}" if checkpoints.says_languages(folder) else _name(listed, folder)
    return plain(name) + f" · {n_parameters(model_config_of(folder))}"


def _name(listed: Sequence[CheckpointEntry], folder: Path) -> str:
    return next(item.name for item in listed if item.folder == folder)


def n_parameters(config: ModelConfig) -> str:
    """Such as `9.4 M`."""
    n = config.n_parameters
    return f"{n / 1e6:.1f} M" if n >= 1e6 else f"{n / 1e3:.0f} k"


def story(config: ModelConfig) -> str:
    """A model in one line."""
    return (
        f"{config.n_encoder_layers} + {config.n_decoder_layers} layers · {config.n_heads} heads · "
        f"d_model {config.d_model} · {config.vocabulary_size:,} pieces · "
        f"{config.n_parameters:,} parameters"
    )


def _tell_model(listed: Sequence[CheckpointEntry], folder: Path, source: str, target: str) -> None:
    name = _name(listed, folder)
    st.markdown(
        f"**{plain(name)}**, {plain(source)} to {plain(target)}: the Transformer of “Attention Is All You Need”"
    )
    st.write(story(model_config_of(folder)))
    _choose_model(listed, name)
    card = checkpoints.side_files(folder).card
    if card:
        with st.expander("Model card"), st.container(height=360, border=False):
            st.markdown(without_pictures(card))


def _choose_model(models: Sequence[CheckpointEntry], name: str) -> None:
    """Which model translates, of those that can be loaded."""
    broken = [f"{item.name}: {item.problem}" for item in models if item.problem]
    key = "choose_model"
    st.session_state[key] = name
    st.selectbox(
        "Model",
        [item.name for item in models if item.problem is None],
        key=key,
        help=plain("; ".join(["Cannot be loaded", *broken])) if broken else None,
        on_change=lambda: _take_model(st.session_state[key]),
    )


def _take_model(name: str) -> None:
    """Show another model; an example of the one before makes room for one of its own."""
    run = session.choice().run
    folder = checkpoints.folder_of(name)
    own, plain_text = checkpoints.examples(folder), without_language(run.text)
    before = checkpoints.examples(checkpoints.folder_of(run.model))
    text = own[0] if plain_text in before and plain_text not in own else run.text
    session.change_run(model=name, text=told_language(text, checkpoints.target_languages(folder)))
