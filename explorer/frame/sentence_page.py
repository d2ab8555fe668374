"""A page about one sentence, from its title to the self-check below it."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from core.analysis.ablation import Ablation
from core.analysis.ablation.in_words import in_words
from core.analysis.trace.trace import Trace
from core.checkpoint.required import model_config_of
from core.text.languages import is_wordless, language_problem
from core.text.pieces import normalise
from explorer.choice import session
from explorer.choice.choice import Choice, Run
from explorer.choice.page_context import PageContext, Settled, is_typed, settled
from explorer.choice.url_fields import UrlFields
from explorer.engine import checkpoints, models, traces
from explorer.engine.checkpoints import best_head
from explorer.engine.heavy import at_its_turn
from explorer.engine.work import searched
from explorer.figures.head import piece_label
from explorer.frame.caption import caption_lines, draw_caption
from explorer.frame.downloads import Pictures, save_trace, share
from explorer.frame.glossary import facts_of, terms_row
from explorer.frame.in_words import draw_in_words
from explorer.frame.messages import notice, plain
from explorer.frame.self_check import draw_self_check
from explorer.frame.top_bar import top_bar
from explorer.frame.tour import draw_tour

Draw = Callable[[PageContext], Pictures]
"""Draws what a page is about; returns what makes its pictures once more, for one HTML file."""
Words = Callable[[PageContext], None]
"""Draws the sentence on screen and its translation in words."""
Settle = Callable[[PageContext], Settled]
"""Replaces choices that the sentence does not allow; returns a notice for each."""
FieldsOfPage = Sequence[type[UrlFields]]
"""The classes of fields that are a page's own."""
MoreTraces = Callable[[PageContext], Mapping[str, Trace]]
"""Traces beside that of the sentence, by what they are of, to be saved as data."""
ModelFor = Callable[[Run], str | None]
"""The model that a page shows for a run, if it does not show every model; None: the usual one."""


@dataclass(frozen=True, slots=True)
class PageInputs:
    """The reader's choices that the page accepts, and the places on the page to fill."""

    choice: Choice
    folder: Path
    saving: Any
    notices: Any
    status: Any
    terms: Any


def show_page(
    title: str,
    lead: str,
    draw: Draw,
    settle: Settle = settled,
    *,
    words: Words = draw_in_words,
    terms: Sequence[str] = (),
    fields: FieldsOfPage = (),
    takes_typed: bool = True,
    usual_text: str | None = None,
    model_for: ModelFor | None = None,
    more_traces: MoreTraces = lambda shown: {},
) -> None:
    """Draw a whole page: title, one sentence, the shared controls, then the page's own part.

    Args:
        words: draws the sentence in words.
        terms: names of the glossary that the page speaks of.
        fields: the classes of link fields that this page reads besides the shared ones.
        takes_typed: whether a translation that the reader typed is shown; a page that compares
            what the model writes leaves it out.
        usual_text, model_for: as for `open_page`.
    """
    show_sentence(
        open_page(title, lead, usual_text=usual_text, model_for=model_for),
        title,
        draw,
        settle,
        words=words,
        terms=terms,
        fields=fields,
        takes_typed=takes_typed,
        more_traces=more_traces,
    )


def open_page(
    title: str, lead: str, *, usual_text: str | None = None, model_for: ModelFor | None = None
) -> PageInputs | None:
    """Draw the bar, the title and one sentence; None, with a message on the page, without a model.

    Args:
        usual_text: the sentence of this page until a link or the reader names one; without it, the
            model's first example.
        model_for: of a page that is about some models only.
    """
    _leave_lost_models()
    with suppress(checkpoints.NoCheckpointError, ValueError):  # said where the controls would be
        _suggest(usual_text, model_for)
    asked = _ask_reader(model_for)
    is_on_tour = draw_tour(session.page_folder())
    with st.container(key="title", gap="xxsmall"):
        st.header(title, anchor=False)
        if not is_on_tour:
            st.write(lead)
        terms = st.empty()
    if not asked:
        return None
    notices = st.container()
    with notices:
        for root in checkpoints.roots_without_any():
            notice(f"There is no checkpoint that can be loaded below {root}.")
        for text in traces.notices(asked.folder):
            notice(f"{text}.")
        into = checkpoints.target_languages(asked.folder)
        if problem := language_problem(session.choice().run.text, into):
            notice(f"The model translates into several languages, but {problem}.")
    return dataclasses.replace(asked, notices=notices, status=st.empty(), terms=terms)


def _leave_lost_models() -> None:
    try:
        listed = checkpoints.every_checkpoint()
    except checkpoints.NoCheckpointError:  # said where the controls would be
        return
    problems = {item.name: item.problem for item in listed}
    session.leave_lost_models(lambda name: problems.get(name, "there is no such folder"))


def _suggest(usual_text: str | None, model_for: ModelFor | None) -> None:
    folder = checkpoints.folder_of(_asked(model_for).run.model)
    session.suggest(checkpoints.told(folder, usual_text or checkpoints.examples(folder)[0]))


def _asked(model_for: ModelFor | None) -> Choice:
    """The reader's choice, with the model that the page shows."""
    choice = session.choice()
    model = model_for(choice.run) if model_for else choice.run.model
    if model == choice.run.model:
        return choice
    return choice.with_run(model=model, prefix=(), target="", ablation="")  # those of another model


def show_sentence(
    asked: PageInputs | None,
    title: str,
    draw: Draw,
    settle: Settle = settled,
    *,
    words: Words = draw_in_words,
    terms: Sequence[str] = (),
    fields: FieldsOfPage = (),
    takes_typed: bool = True,
    more_traces: MoreTraces = lambda shown: {},
) -> None:
    """Draw the page's part about the sentence in the bar, if there is a model for it.

    A long text is as much work to draw as to translate, so all of it is one turn.
    """
    if not asked:
        return
    with at_its_turn(searched(asked.choice.run)):
        shown = translate(asked, settle, fields, takes_typed=takes_typed)
        notice_change(asked, is_shown=shown is not None)
        if shown:
            draw_terms(asked, terms, shown)
            draw_sentence(title, draw, asked, shown, words, more_traces)


def draw_terms(asked: PageInputs, names: Sequence[str], shown: PageContext) -> None:
    """Draw the terms of a page with the numbers of the sentence, under its title."""
    if names:
        facts = facts_of(shown.trace, model_config_of(shown.folder))
        asked.terms.html(f'<p class="terms">Terms: {terms_row(names, facts, shown.choice)}</p>')


def _ask_reader(model_for: ModelFor | None) -> PageInputs | None:
    try:
        listed = checkpoints.every_checkpoint()
        folder = checkpoints.folder_of(_asked(model_for).run.model)
    except (checkpoints.NoCheckpointError, ValueError) as error:
        st.error(plain(str(error)))
        return None
    saving = top_bar(listed, folder)
    return PageInputs(_asked(model_for), folder, saving, notices=None, status=None, terms=None)


def notice_change(asked: PageInputs, *, is_shown: bool) -> None:
    """Say that the model is changed, with a button that undoes the change.

    Args:
        is_shown: whether the sentence could be traced; above an error, the notice says only what
            was asked for.
    """
    ablation = asked.choice.run.ablation
    if ablation:
        with asked.notices, st.container(horizontal=True, vertical_alignment="center"):
            what = "The model is changed here too" if is_shown else "You asked for a changed model"
            notice(f"{what}: {in_words(Ablation.parse(ablation))}.")
            st.button(
                "Use the model as it is", on_click=session.change_run, kwargs={"ablation": ""}
            )


def _notice_chosen(asked: PageInputs, traced: Trace | None, *, takes_typed: bool) -> None:
    """Say which words the reader chose, not the model."""
    run = asked.choice.run
    if not run.prefix and not is_typed(run):
        return
    with asked.notices, st.container(horizontal=True, vertical_alignment="center"):
        if is_typed(run):
            notice(_typed_words(takes_typed=takes_typed, is_shown=traced is not None))
        else:
            notice(_chosen_words(len(run.prefix), traced))
        st.button("Undo my choice", on_click=session.reset)


def _typed_words(*, takes_typed: bool, is_shown: bool) -> str:
    if not takes_typed:
        instead = ": this page shows what the model writes" if is_shown else " here"
        return f"The translation that you typed is left out{instead}."
    if not is_shown:
        return "You asked for the score of a translation that you typed."
    return "You typed this translation, or an example brought it: the model scored it, and chose none of its words."


def _chosen_words(n: int, traced: Trace | None) -> str:
    if traced is None:
        return f"You asked for a translation whose first {n} pieces you chose."
    piece = piece_label(traced.target.pieces[n - 1].name)
    return f"You put “{piece}” at step {n}. What stood before is kept; the model wrote the rest."


def translate(
    asked: PageInputs,
    settle: Settle,
    fields: FieldsOfPage = (),
    *,
    takes_typed: bool = True,
) -> PageContext | None:
    """The sentence and settled choices for it; None, with a message on the page, if there is none.

    Notices about the sentence are drawn after its trace, so they never describe a failed one.
    """
    taken = asked.choice if takes_typed else asked.choice.with_run(target="")
    choice, wrong = read_fields(taken, fields)
    traced = _traced(asked, choice.run)
    _notice_chosen(asked, traced, takes_typed=takes_typed)
    if traced is None:
        return None
    shown = PageContext(choice, asked.folder, traced, best_head(asked.folder, traced))
    choice, replaced = settle(shown)
    notices = (*wrong, *replaced) if session.is_from_link() else ()
    for text in (*session.link_notices(), *notices):
        notice(f"{text} The usual one is shown instead.")
    return dataclasses.replace(shown, choice=choice)


def _traced(asked: PageInputs, run: Run) -> Trace | None:
    """The sentence traced, or None with a message on the page."""
    try:
        text = normalise(run.text)
        if is_wordless(text, checkpoints.target_languages(asked.folder)):
            st.info("Type a sentence above, or choose one of the examples.")
            return None
        with asked.status, st.spinner("Translating… (the first sentence also loads the model)"):
            return traces.trace(asked.folder, run.replace(text=text))
    except ValueError as error:
        st.error(f"This text cannot be translated: {plain(str(error))}.")
        return None


def read_fields(choice: Choice, fields: FieldsOfPage) -> tuple[Choice, tuple[str, ...]]:
    """Read the page's own fields, with a notice for each that is not valid."""
    notices: list[str] = []
    for each in fields:
        choice = choice.with_fields(choice.of(each, notices))
    return choice, tuple(notices)


def draw_sentence(
    title: str,
    draw: Draw,
    asked: PageInputs,
    shown: PageContext,
    words: Words = draw_in_words,
    more_traces: MoreTraces = lambda shown: {},
) -> None:
    """Draw the sentence in words, the page's own part, its downloads and its self-check."""
    words(shown)
    pictures = draw(shown)
    kept = session.choice().run  # with a typed translation, for other pages
    linked = dataclasses.replace(shown.choice, run=kept)
    if kept.model != shown.choice.run.model:
        linked = shown.choice
    session.write_link(linked)
    draw_caption(shown)
    with asked.saving:
        share(linked, title, pictures, caption=caption_lines(shown))
        save_trace(shown.trace)
        for name, trace in more_traces(shown).items():
            save_trace(trace, name)
    load_model(asked.folder, asked.status)
    draw_self_check(asked.folder, shown.choice.run, shown.trace, "this sentence")


def load_model(folder: Path, place: Any) -> None:
    """Load the model if it is not in memory yet, and show a message here meanwhile."""
    if not models.is_loaded(folder):
        with place, st.spinner("Loading the model, so that your own sentence comes quickly…"):
            models.load(folder)
        place.empty()
