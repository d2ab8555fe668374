"""The page's controls: the task, the model, the draft, the reference."""

from collections.abc import Sequence

import streamlit as st

from core.text.addition import addends
from core.text.pieces import normalise
from core.training.score.methods import METHODS
from explorer.app_pages.second_attempt.attempts import DRAFTS, Attempts, chosen_kind, kinds
from explorer.app_pages.second_attempt.fields import SecondFields
from explorer.choice import session
from explorer.choice.choice import View
from explorer.choice.page_context import PageContext
from explorer.engine.second_attempts import Experiment, experiments
from explorer.frame.messages import notice
from explorer.frame.pick import pick

TASKS = {"addition": "Addition", "translation": "Translation"}
TASK, METHOD = "draft_task", "draft_method"


def draw_controls(shown: PageContext, pair: Attempts) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _choose_task(pair)
        _choose_method(pair)
        of = {kind: DRAFTS[kind] for kind in kinds(shown, pair.experiment)}
        kind = chosen_kind(shown, pair.experiment)
        pick("Draft", of, **session.bind(SecondFields, "draft", kind))
    if kind == "edited":
        typed = shown.of(SecondFields).edited or pair.first.target.text
        st.text_input("Your draft", **session.bind(SecondFields, "edited", typed))
    if pair.experiment.results.task != "addition":
        st.text_input(
            "Reference",
            placeholder="A translation by a person, if you know one",
            **session.bind(SecondFields, "wanted", pair.reference or ""),
        )
    _warn(pair)


def _choose_task(pair: Attempts) -> None:
    found = {each.folder.as_posix(): each for each in experiments()}
    if len(found) < 2:
        return
    names = {name: _task_name(each, list(found.values())) for name, each in found.items()}
    st.session_state[TASK] = pair.experiment.folder.as_posix()
    pick("Task", names, key=TASK, on_change=lambda: _take_task(found[st.session_state[TASK]]))


def _task_name(experiment: Experiment, every: Sequence[Experiment]) -> str:
    """The task's name; where two experiments have the same, the folder's too."""
    task = experiment.results.task
    name = TASKS.get(task, task)
    is_alone = sum(each.results.task == task for each in every) == 1
    return name if is_alone else f"{name} ({experiment.folder.name})"


def _take_task(experiment: Experiment) -> None:
    """Show another task's model; a text that is none of its kind makes room for an example."""
    text = session.choice().run.text
    is_addition = experiment.results.task == "addition"
    examples = experiment.example_sources
    if (addends(normalise(text)) is not None) != is_addition and examples:
        text = examples[0]
    session.change_run(model=experiment.usual_model, text=text)


def _choose_method(pair: Attempts) -> None:
    st.session_state[METHOD] = pair.method
    models = pair.experiment.models
    pick(
        "Model",
        {method: METHODS[method].title for method in models},
        help="\n".join(f"- {METHODS[method].title}: {METHODS[method].about}." for method in models),
        key=METHOD,
        on_change=lambda: _take_model(models[st.session_state[METHOD]]),
    )


def _take_model(model: str) -> None:
    """Another model at the same head."""
    view = session.choice().view
    session.change_run(model=model)
    session.change(View, layer=view.layer, head=view.head)


def _warn(pair: Attempts) -> None:
    """Say that a text is of another kind than the model learnt."""
    is_sum = pair.numbers is not None
    examples = pair.experiment.results.examples
    if pair.experiment.results.task == "addition" and not is_sum and examples:
        with st.container(horizontal=True, vertical_alignment="center"):
            notice("This model learnt only sums of two four-digit numbers, such as 4821 + 9377.")
            st.button(
                "Use a sum instead",
                on_click=session.change_run,
                kwargs={"text": examples[0].source},
            )
