"""Translate a sentence and look at its cross-attention."""

from typing import Any

import streamlit as st

from explorer import engine, state
from explorer.components.overview import choice as overview_choice
from explorer.components.overview import overview
from explorer.components.words import SourceWord, TargetWord, words
from explorer.figures.head import head_figure, step_labels, strongest_links, token_label

OVERVIEW, TEXT, EXAMPLE = "overview", "text", "example"
MOST_CHARACTERS = 5_000


def main() -> None:
    st.header("Where did each word come from?", anchor=False)
    st.write(
        "A Transformer translates your sentence, and you see where it looked. Each small square "
        "is one head of its cross-attention: pick one to read its weights word by word."
    )
    try:
        folder = engine.checkpoint_folder()
    except engine.NoCheckpointError as error:
        st.error(str(error))
        return
    _sentence(engine.languages(folder)[0])
    status = st.empty()
    shown = _trace(folder, status)
    if shown is None:
        return
    best = engine.best_head(folder, shown)
    choice = _settled(shown, best)
    _words(shown, best)
    _heads(shown, choice, best)
    if not engine.is_loaded(folder):
        with status, st.spinner("Loading the model, so that your own sentence comes quickly…"):
            engine.load(folder)
        status.empty()


def _sentence(language: str) -> None:
    """The box and the examples; what is asked for ends up in `st.session_state['choice']`."""
    if "choice" not in st.session_state:
        reading = state.read_query(st.query_params)
        st.session_state["choice"] = reading.choice
        st.session_state["notices"] = reading.notices
        st.session_state[TEXT] = reading.choice.text
    with (
        st.form("sentence", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input(f"{language} sentence", key=TEXT, max_chars=MOST_CHARACTERS)
        st.form_submit_button("Translate", type="primary", on_click=_ask)
    st.pills("Or try one of these", state.EXAMPLES[1:], key=EXAMPLE, on_change=_take_example)


def _ask() -> None:
    _change(text=st.session_state[TEXT])


def _take_example() -> None:
    example = st.session_state[EXAMPLE]
    if example:
        st.session_state[TEXT] = example
        _change(text=example)


def _take_head() -> None:
    chosen = overview_choice(OVERVIEW)
    if chosen:
        _change(layer=chosen[0], head=chosen[1])


def _change(**values: Any) -> None:
    st.session_state["choice"] = st.session_state["choice"].replace(**values)
    st.session_state["notices"] = ()


def _trace(folder: engine.Path, status: Any) -> engine.Trace | None:
    text = engine.normalise(st.session_state["choice"].text)
    if not text:
        st.info("Type a sentence above, or choose one of the examples.")
        return None
    try:
        with status, st.spinner("Translating… (the first sentence also loads the model)"):
            return engine.trace(folder, text)
    except ValueError as error:
        st.error(f"This text cannot be translated: {error}.")
        return None


def _settled(shown: engine.Trace, best: engine.BestHead) -> state.Choice:
    """The choice as it is shown, written into the link; notices for what a link got wrong."""
    n_layers, n_heads = shown.weights["cross"].shape[:2]
    reading = state.settle(
        st.session_state["choice"], n_layers=n_layers, n_heads=n_heads, best=(best.layer, best.head)
    )
    for notice in (*st.session_state["notices"], *reading.notices):
        st.warning(notice + " The usual one is shown instead.", icon="⚠️")
    state.write_query(reading.choice, st.query_params)
    return reading.choice


def _words(shown: engine.Trace, best: engine.BestHead) -> None:
    aligned = engine.aligned_words(shown, layer=best.layer - 1, head=best.head - 1, rows=best.rows)
    new_words = {
        piece.word
        for piece, is_new in zip(shown.source.pieces, shown.is_new_in_source, strict=True)
        if is_new
    }
    words(
        [
            SourceWord(text=word.text, is_new=number in new_words)
            for number, word in enumerate(shown.source.words)
        ],
        [
            TargetWord(
                text=word.text,
                probability=word.probability,
                source=word.source_word,
                weight=word.source_weight,
            )
            for word in aligned
        ],
        key="words",
    )
    _note(
        "Bar: the probability the model gave the word. Below it: the source word that layer "
        f"{best.layer}, head {best.head} looked at most; that head {best.reason}."
    )


def _heads(shown: engine.Trace, choice: state.Choice, best: engine.BestHead) -> None:
    assert choice.layer
    assert choice.head
    weights = shown.weights["cross"]
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.subheader("All heads", anchor=False)
        overview(weights, layer=choice.layer, head=choice.head, key=OVERVIEW, on_choice=_take_head)
        _note(
            "Rows of a square are steps of the decoder, columns are source tokens, bright is a "
            "large weight (square-root colours). Click one, or use arrow keys and Enter."
        )
    with right:
        is_best = (choice.layer, choice.head) == (best.layer, best.head)
        st.subheader(
            f"Cross-attention, layer {choice.layer}, head {choice.head}"
            + (f" ({best.label})" if is_best else ""),
            anchor=False,
        )
        _enlarged(shown, choice.layer, choice.head)


def _enlarged(shown: engine.Trace, layer: int, head: int) -> None:
    weights = shown.weights["cross"][layer - 1, head - 1]
    consumed = [piece.name for piece in shown.consumed]
    produced = [piece.name for piece in shown.target.pieces]
    columns = [piece.name for piece in shown.source.pieces]
    figure = head_figure(
        weights,
        rows=step_labels(consumed, produced),
        columns=[token_label(name) for name in columns],
        row_title="decoder step: consumed → produced",
        column_title="source token looked at",
    )
    name = f"Cross-attention weights of layer {layer}, head {head}"
    st.plotly_chart(figure, alt=name, key="head", config={"displaylogo": False})
    _note("Every row is one step and sums to 1. The colour scale is the same for all heads.")
    with st.expander("The strongest links as a table"):
        rows = [f"{a} → {b}" for a, b in zip(consumed, produced, strict=True)]
        st.dataframe(
            strongest_links(weights, rows=rows, columns=columns), hide_index=True, width="stretch"
        )


def _note(text: str) -> None:
    """A small line of explanation; unlike a caption, it keeps the contrast of normal text."""
    st.markdown(f":small[{text}]")


main()
