"""What every page shares: the sentence, the model, the search, the notices, the link, the downloads."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import streamlit as st

from explorer import engine, session, state
from explorer.figures.standalone import Picture, standalone_html
from explorer.state import Choice, Run, Shape


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page is drawn from; every choice is settled."""

    choice: Choice
    folder: engine.Path
    trace: engine.Trace
    best: engine.BestHead

    @property
    def view(self) -> state.View:
        return self.choice.view

    @property
    def layer(self) -> int:
        """From 1."""
        assert self.view.layer
        return self.view.layer

    @property
    def head(self) -> int:
        assert self.view.head
        return self.view.head

    @property
    def step(self) -> int:
        assert self.view.step
        return self.view.step

    @property
    def asks(self) -> Literal["row", "step"]:
        """What a row belongs to: a source piece in encoder self-attention, else a step."""
        return "row" if self.view.kind == "encoder" else "step"

    @property
    def query(self) -> int:
        """The row that asks, from 0."""
        number = getattr(self.view, self.asks)
        assert number
        return int(number) - 1


Pictures = Callable[[], Sequence[Picture]]
"""Makes the pictures of a page without its controls, when they are asked for."""
Settled = tuple[state.View, tuple[str, ...]]
"""A view that fits the trace, and notices for what had to be replaced."""


def show_page(
    title: str,
    lead: str,
    draw: Callable[[Shown], Pictures],
    settle: Callable[[Shown], Settled] | None = None,
    *,
    above: Callable[[], None] | None = None,
    in_the_middle: bool = False,
    compares: bool = False,
) -> None:
    """Draw a whole page: title, one sentence, the shared controls, then `draw` what it is about.

    Args:
        above: draws what needs neither a sentence nor a model, above the controls.
        draw: returns what makes the page's pictures once more, for one HTML file.
        settle: makes the choices that this page alone has fit the model and the sentence.
        in_the_middle: open on the middle row of a sentence, and not on its first.
        compares: it says itself what is changed about the model, and shows the model as it is.
    """
    session.begin()
    st.header(title, anchor=False)
    st.write(lead)
    if above:
        above()
    try:
        models = engine.listed(engine.checkpoint_root())
    except engine.NoCheckpointError as error:
        st.error(str(error))
        return
    folder = folder_of(session.choice().run)
    saving = ask(folder, lambda: _model_picker(models, folder))
    _notice_lost_model(models, folder)
    notice = st.container()
    status = st.empty()
    shown = _shown(folder, status, settle, in_the_middle=in_the_middle)
    if not (compares and shown):
        with notice:
            _notice_ablation(session.choice().run)
    if shown is None:
        return
    pictures = draw(shown)
    session.write_link(shown.choice)
    with saving:
        share(shown.choice, title, pictures)
        _save_trace(shown)
    load_model(folder, status)
    self_check(folder, shown.choice.run, shown.trace, "this sentence")


def load_model(folder: engine.Path, place: Any) -> None:
    """Load the model, with a message in this place meanwhile, unless it is there already."""
    if not engine.is_loaded(folder):
        with place, st.spinner("Loading the model, so that your own sentence comes quickly…"):
            engine.load(folder)
        place.empty()


def self_check(folder: engine.Path, run: Run, trace: engine.Trace, name: str) -> None:
    """Whether what is on screen is what the model did: one line, and the numbers behind it."""
    checks = engine.self_check(folder, run, trace)
    failed = [check for check in checks if not check.passed]
    if failed:
        lines = "\n".join(
            f"- {plain(check.name)}: {check.largest_difference:.3g}" for check in failed
        )
        st.error(f"Self-check failed: this picture is not what the model did.\n{lines}")
    with st.expander(
        f"Self-check of {name}: {len(checks) - len(failed)} of {len(checks)} hold",
        icon="❌" if failed else "✅",
    ):
        st.dataframe(
            [
                {
                    "what must hold": check.name,
                    "largest difference": f"{check.largest_difference:.2e}",
                    "allowed": f"{check.tolerance:.0e}",
                    "holds": "yes" if check.passed else "NO",
                    "how it was checked": check.detail,
                }
                for check in checks
            ],
            hide_index=True,
            width="stretch",
        )


def folder_of(run: Run) -> engine.Path:
    """The folder of a run's model; of the usual one, where that is not there."""
    usable = [m for m in engine.listed(engine.checkpoint_root()) if m.problem is None]
    return next((m.folder for m in usable if m.name == run.model), usable[0].folder)


def trace_of(run: Run) -> engine.Trace | None:
    """The trace of another run than the one on show, or None with a message on the page."""
    try:
        return engine.trace(folder_of(run), run)
    except ValueError as error:
        st.error(f"This text cannot be translated: {error}.")
        return None


def _notice_lost_model(models: list[engine.Listed], folder: engine.Path) -> None:
    wanted = session.choice().run.model
    item = next((item for item in models if item.name == wanted), None)
    if wanted and not (item and item.folder == folder):
        reason = item.problem if item else "there is no such folder"
        notice(f"The model {wanted} cannot be shown: {reason}. The usual one is shown instead.")


def _notice_ablation(run: Run) -> None:
    """That a changed model is on show must never go unnoticed."""
    if run.ablation:
        with st.container(horizontal=True, vertical_alignment="center"):
            notice(f"Everything here is of a changed model: {run.ablation}.")
            st.button(
                "Use the model as it is", on_click=session.change_run, kwargs={"ablation": ""}
            )


def ask(folder: engine.Path, pick_model: Callable[[], None] | None = None) -> Any:
    """Draw sentence and search; returns the place for what can be saved, once there is something."""
    _sentence(engine.languages(folder)[0])
    with st.container(horizontal=True, vertical_alignment="center"):
        if pick_model:
            pick_model()
        with st.popover("Search"):
            _search_settings()
        with st.popover("Sentences"):
            _sentences()
        return st.popover("Save & share")


def share(choice: Choice, title: str, pictures: Pictures) -> None:
    """The link to a view, and its pictures in a file."""
    st.caption("Link to this view")
    address = urlsplit(st.context.url or "")
    link = address._replace(path=address.path or "/", query=urlencode(choice.to_query()))
    st.code(link.geturl(), language=None, wrap_lines=True)
    st.caption("This page's pictures in one file that opens without a network")
    st.download_button(
        "View as HTML",
        lambda: standalone_html(f"{title} {choice.run.text}", pictures()),
        file_name="attention.html",
        mime="text/html",
        on_click="ignore",
    )


def _save_trace(shown: Shown) -> None:
    st.caption("The trace: tokens, candidates, beam tree, every head's weights")
    for suffix, mime in ((".json", "application/json"), (".npz", "application/octet-stream")):
        st.download_button(
            f"Data as {suffix[1:].upper()}",
            functools.partial(shown.trace.to_bytes, suffix),
            file_name=f"trace{suffix}",
            mime=mime,
            on_click="ignore",
        )


def _sentence(language: str) -> None:
    key, shown_key = "sentence_text", "sentence_shown"
    text = session.choice().run.text
    if key not in st.session_state or st.session_state.get(shown_key) != text:
        st.session_state[key] = st.session_state[shown_key] = text  # never over half-typed text

    def ask() -> None:
        session.change_run(text=st.session_state[key])

    with (
        st.form("sentence", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input(f"{language} sentence", key=key, max_chars=state.MOST_CHARACTERS)
        st.form_submit_button("Translate", type="primary", on_click=ask)


def _model_picker(models: list[engine.Listed], folder: engine.Path) -> None:
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


def _search_settings() -> None:
    st.selectbox(
        "Method",
        ["beam", "greedy", "sample"],
        help="Section 6.1 of the paper: beam search with beam 4 and α = 0.6",
        **session.bind_run("method"),
    )
    method = session.choice().run.method
    if method == "beam":
        st.slider("Beam size", 1, state.MOST_BEAMS, **session.bind_run("beam_size"))
        st.selectbox(
            "Length penalty",
            ["gnmt", "power"],
            help="gnmt: ((5 + |Y|) / 6)^α, the paper's. power: |Y|^α, as other toolkits divide.",
            **session.bind_run("length_penalty"),
        )
        st.slider("α", 0.0, 2.0, step=0.1, **session.bind_run("alpha"))
    if method == "sample":
        st.slider("Temperature", 0.05, 2.0, step=0.05, **session.bind_run("temperature"))
        st.number_input("Seed", 0, 999_999_999, **session.bind_run("seed"))


def _sentences() -> None:
    for heading, texts in (("Recent", session.recent_sentences()), ("Examples", state.EXAMPLES)):
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


def plain(text: str) -> str:
    """Labels and messages are Markdown: text is escaped, so that it appears as typed."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|~:$<>&" else c for c in text)


def _shown(
    folder: engine.Path,
    status: Any,
    settle: Callable[[Shown], Settled] | None,
    *,
    in_the_middle: bool,
) -> Shown | None:
    choice = session.choice()
    try:
        text = engine.normalise(choice.run.text)
        if not text:
            st.info("Type a sentence above, or choose one of the examples.")
            return None
        run = choice.run.replace(text=text)
        with status, st.spinner("Translating… (the first sentence also loads the model)"):
            trace = engine.trace(folder, run)
    except ValueError as error:
        st.error(f"This text cannot be translated: {error}.")
        return None
    best = engine.best_head(folder, trace)
    shape = shape_of(trace, choice.view.kind)
    first = _first_head(choice, best, shape)
    view, notices = state.settle(choice.view, shape, best=first, in_the_middle=in_the_middle)
    shown = Shown(Choice(choice.run, view, choice.beside), folder, trace, best)
    if settle:
        view, more = settle(shown)
        notices += more
        shown = dataclasses.replace(shown, choice=dataclasses.replace(shown.choice, view=view))
    for text in (*session.link_notices(), *(notices if session.is_from_link() else ())):
        notice(f"{text} The usual one is shown instead.")
    return shown


def shape_of(trace: engine.Trace, kind: engine.Kind) -> Shape:
    n_layers, n_heads = trace.weights[kind].shape[:2]
    return Shape(n_layers, n_heads, len(trace.steps), len(trace.source.pieces))


def _first_head(choice: Choice, best: engine.BestHead, shape: Shape) -> tuple[int, int]:
    """The best-aligned head of cross-attention; in self-attention, the first."""
    if choice.view.kind != "cross":
        return 1, 1
    return min(best.layer, shape.n_layers), min(best.head, shape.n_heads)


def notice(text: str) -> None:
    st.warning(plain(text))


def note(text: str) -> None:
    """A small line of explanation; unlike a caption, it keeps the contrast of normal text."""
    st.markdown(f":small[{text}]")
