"""Both attempts at a sentence, what the second one makes of the first, and what each method taught."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.analysis.heads.drafts import copying
from core.analysis.trace.trace import Trace
from core.analysis.trace.warnings import warnings_of
from core.evaluation.edits import Edit
from explorer.app_pages.second_attempt.attempts import (
    Attempts,
    attempts,
    model_for,
)
from explorer.app_pages.second_attempt.controls import draw_controls
from explorer.app_pages.second_attempt.corpus import draw_corpus
from explorer.app_pages.second_attempt.fields import DraftKind, SecondFields
from explorer.app_pages.second_attempt.heads import draw_heads, head_pictures
from explorer.app_pages.second_attempt.ribbon import ribbon, sum_in_columns
from explorer.app_pages.second_attempt.use import draw_models, draw_use, probability_picture
from explorer.choice import session
from explorer.choice.page_context import PageContext, Settled, UsualView, settled, settled_on
from explorer.components.words.component import TargetWord, Translation
from explorer.engine.second_attempts import experiments, problems
from explorer.figures.invisible import visible
from explorer.frame import sentence_page
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import (
    draw_in_words,
    draw_translations,
    translation,
    translation_beside,
)
from explorer.frame.messages import notice, plain
from explorer.frame.self_check import draw_self_check

TITLE = "Can it correct itself?"
LEAD = (
    "The model answers, reads its own answer as a draft, and answers once more. The method SCoRe is meant to "
    "teach it to correct itself, by reinforcement learning; the other models were taught in other ways."
)
NOTHING = (
    "No model here reads a draft. These commands train every method on additions, which takes hours, and "
    "put three of the models where this page finds them:"
)
COMMANDS = """python -m core score train --task addition
python -m core score bundle --to checkpoints/score/addition"""
EDITS_NOTE = (
    "▲ helped, ▼ harmed, = neither: points of {reward} (of 100) that attempt 2 would lose if this change "
    "alone were undone."
)
EXACT_NOTE = "▲ with this change undone, attempt 2 would be wrong; ▼ with it undone, it would be right; = neither."
EXAMPLES_NOTE = (
    "This example was picked to show what can happen. How often it happens is measured below."
)


def page() -> None:
    for problem in problems():
        notice(problem)
    found = experiments()
    if found:
        sentence_page.show_page(
            TITLE,
            LEAD,
            draw,
            settle,
            words=draw_attempts,
            terms=("draft", "reward", "head", "log-probability", "nats", "interval"),
            fields=(SecondFields,),
            takes_typed=False,
            usual_text=next(iter(found[0].example_sources), None),
            model_for=model_for,
            more_traces=_second_trace,
        )
        return
    sentence_page.open_page(TITLE, LEAD)
    st.info(NOTHING)
    st.code(COMMANDS, language="sh", wrap_lines=True)
    session.write_link(session.choice())


def settle(shown: PageContext) -> Settled:
    """Open on the head that copies most of the draft."""
    view = shown.view.replace(kind="cross", step=None, row=None)
    shown = dataclasses.replace(shown, choice=shown.choice.with_fields(view))
    pair, _ = _attempts(shown, "own")  # another draft is to be seen at the same head
    if pair is None:
        return settled(shown)
    score = copying(pair.second)
    layer, head = np.unravel_index(score.argmax(), score.shape)
    return settled_on(shown, UsualView(int(layer) + 1, int(head) + 1, step=1, row=None))


def _attempts(shown: PageContext, chosen: DraftKind | None = None) -> tuple[Attempts | None, str]:
    """The attempts on screen, and what is wrong with the draft that was chosen.

    A draft that cannot be read makes room for the model's own; with that too long, there are none.
    """
    problem = ""
    kinds: tuple[DraftKind | None, ...] = (chosen, "own")
    for kind in kinds:
        try:
            return attempts(shown, kind), problem
        except ValueError as error:
            problem = problem or f"There is no second attempt with this draft: {error}."
    return None, problem


def draw_attempts(shown: PageContext) -> None:
    """The controls, both attempts in words, and what the second one changed."""
    pair, problem = _attempts(shown)
    if problem:
        st.error(plain(problem))
    if pair is None:
        draw_in_words(shown)
        return
    draw_controls(shown, pair)
    if pair.numbers is None:
        draw_translations(shown, _lines(shown, pair), warnings_of(shown.trace))
        _draw_edits(shown, pair)
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        draw_translations(shown, _lines(shown, pair))
        _draw_edits(shown, pair)
    right.html(sum_in_columns(pair.numbers, _named(pair), ("carried", "result")))


def _lines(shown: PageContext, pair: Attempts) -> list[Translation]:
    """Attempt 1, the draft if it is another text, and attempt 2 with its new words marked."""
    first = dataclasses.replace(translation(shown), name="Attempt 1")
    if pair.numbers:  # no word of a sum comes from one of its numbers alone
        first = _line("Attempt 1", first.text, is_first=True)
    draft = [] if pair.is_own or not pair.draft.text else [_line("Draft", pair.draft.text)]
    return [first, *draft, translation_beside("Attempt 2", pair.second, pair.first, None)]


def _line(name: str, text: str, *, is_first: bool = False) -> Translation:
    words = [TargetWord(visible(word)) for word in text.split()]
    return Translation(name, words, text, is_first=is_first)


def _named(pair: Attempts) -> list[tuple[str, str]]:
    draft = [] if pair.is_own else [("draft", pair.draft.text)]
    first, second = pair.first.target.text, pair.second.target.text
    return [("attempt 1", first), *draft, ("attempt 2", second)]


def _draw_edits(shown: PageContext, pair: Attempts) -> None:
    """What the second attempt made of its draft, each change with what it did to the reward."""
    edits = pair.edits
    before = "attempt 1" if pair.is_own else "the draft"
    judged = [pair.judged(text) for text in (pair.draft.text, pair.second.target.text)]
    notes = [_edits_note(pair, edits)]
    is_example = shown.trace.source.text in pair.experiment.example_sources
    if is_example and pair.experiment.results.is_picked:
        notes.append(EXAMPLES_NOTE)
    st.html(
        ribbon(
            edits,
            title=f"From {before} to attempt 2{': ' if all(judged) else ''}",
            judged=" → ".join(filter(None, judged)),
            note=" ".join(notes),
            is_exact=pair.is_exact,
        )
    )


def _edits_note(pair: Attempts, edits: Sequence[Edit]) -> str:
    if all(edit.is_kept for edit in edits):
        return "Nothing was changed."
    if not pair.reference:
        return "Type a reference, and each change is marked as a help or a harm."
    return EXACT_NOTE if pair.is_exact else EDITS_NOTE.format(reward=pair.reward_name)


def _second_trace(shown: PageContext) -> dict[str, Trace]:
    pair, _ = _attempts(shown)
    return {"attempt 2": pair.second} if pair else {}


def draw(shown: PageContext) -> Pictures:
    pair, _ = _attempts(shown)
    if pair is None:
        return list
    draw_heads(shown, pair)
    draw_use(shown, pair)
    draw_models(shown, pair)
    drawn = draw_corpus(shown, pair)
    draw_self_check(shown.folder, shown.choice.run, pair.second, "the second attempt")
    return lambda: [*head_pictures(shown, pair), probability_picture(shown, pair), *drawn]


page()
