"""Heads, layers and positions switched off after training, and what the translation becomes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.analysis.ablation import Ablation
from core.analysis.ablation.in_words import in_words
from core.analysis.ablation.places import is_silent, states, with_off
from core.analysis.trace.trace import Trace
from core.analysis.trace.warnings import warnings_of
from core.checkpoint.required import model_config_of
from explorer.app_pages.ablate import pictures
from explorer.app_pages.ablate.beyond import (
    draw_beyond_this_sentence,
    pictures_beyond,
    worth_on_text,
)
from explorer.app_pages.ablate.fields import AblateFields
from explorer.app_pages.ablate.presets import presets, swept_presets
from explorer.choice import session
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext, Settled, settled
from explorer.components.toggles import component as toggles
from explorer.components.toggles.component import Effects
from explorer.engine import traces
from explorer.engine.analyses import (
    head_that_changes_words,
    is_left_out,
    leave_one_out,
    sentence_effects,
    step_effects,
)
from explorer.engine.checkpoints import examples, languages
from explorer.engine.heavy import HEAVY, at_its_turn
from explorer.figures.head import piece_labels
from explorer.figures.standalone import Mounted, Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import draw_translations, followed, translation, translation_beside
from explorer.frame.messages import note, notice, plain
from explorer.frame.pick import pick
from explorer.head import before_after
from explorer.head.differences import Comparison, reading
from explorer.head.fields import BeforeAfterFields

if TYPE_CHECKING:
    from core.analysis.effects.sentence import StepEffect

SWITCHES = "switches"
MOST_TRIED = 96
"""Heads switched off, each alone, in search of one that changes a word."""
TITLE = "What if this head were not there?"
LEAD = (
    "Click a head to switch it off, and read the translation again. The model is not trained again; "
    "Table 3 shows models trained with fewer or more heads."
)
TERMS = ("head", "ablation", "log-probability", "nats", "BLEU", "interval")
WORTH = {"sentence": "on this sentence", "text": "on a text", "none": "nothing"}
_FOUND = "head_that_changes_a_word"
FIELDS = (AblateFields, BeforeAfterFields)


def page() -> None:
    """Unlike the other pages, this page itself controls how the model is changed."""
    asked = sentence_page.open_page(TITLE, LEAD)
    if not asked:
        return
    shown = sentence_page.translate(asked, settle, FIELDS, takes_typed=False)
    if not shown:
        sentence_page.notice_change(asked, is_shown=False)
        return
    sentence_page.draw_terms(asked, TERMS, shown)
    sentence_page.draw_sentence(TITLE, draw, asked, shown, words=_in_words)
    _sweep_this_sentence(shown, asked.status)


def settle(shown: PageContext) -> Settled:
    """Keep the step whose candidates are shown within the first translation."""
    choice, notices = settled(shown)
    n, fields = len(_before(shown).steps), shown.of(AblateFields)
    if fields.scored is None or fields.scored <= n:
        return choice, notices
    notice = f"The link says scored {fields.scored}, but the first translation has {n} steps."
    return choice.with_fields(fields.replace(scored=None)), (*notices, notice)


def draw(shown: PageContext) -> Pictures:
    progress = st.empty()
    _say_found_elsewhere(shown)
    worth = _worth(shown)
    toggles.toggles(
        model_config_of(shown.folder),
        states(_ablation(shown)),
        key=SWITCHES,
        on_switch=_take_switches,
        effects=worth,
        marked=_marked(shown),
    )
    _actions(shown, progress)
    if shown.choice.run.ablation:
        _below_the_words(shown)
    _presets(shown)
    draw_beyond_this_sentence(shown.folder)
    return lambda: _pictures(shown)


def _ablation(shown: PageContext) -> Ablation:
    return Ablation.parse(shown.choice.run.ablation)


def _plain_run(shown: PageContext) -> Run:
    return shown.choice.run.replace(ablation="")


def _before(shown: PageContext) -> Trace:
    return traces.trace(shown.folder, _plain_run(shown))


def _compared(shown: PageContext) -> Comparison:
    return before_after.compare(shown.folder, _before(shown), shown.choice.run)


def _in_words(shown: PageContext) -> None:
    """The translation; below it that of the changed model, and what the change did to it."""
    if not shown.choice.run.ablation:
        draw_translations(shown, [translation(shown)], warnings_of(shown.trace))
        return
    with st.spinner("Translating under the change…"):
        found = _compared(shown)
    run = shown.choice.run
    before = translation_beside(
        languages(shown.folder)[1],
        found.before,
        found.before,
        followed(shown.best, _plain_run(shown)),
    )
    after = translation_beside("after", found.after, found.before, followed(shown.best, run))
    draw_translations(shown, [before, after], warnings_of(found.after))
    note(plain(f"With {in_words(_ablation(shown))}: {reading(found)}"))


def _marked(shown: PageContext) -> tuple[str, str]:
    return shown.best.place.label, shown.best.label


def _take_switches() -> None:
    places = toggles.switched(SWITCHES)
    if places is not None:
        now = Ablation.parse(session.choice().run.ablation)
        session.change_run(ablation=str(with_off(now, places)))


def _actions(shown: PageContext, progress: Any) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pick(
            "Switches show what each is worth",
            WORTH,
            help="Each head, layer and sub-layer in turn, alone. On this sentence: how much less "
            "probable its translation becomes. On a text: how much BLEU falls, where it was measured.",
            **session.bind(AblateFields, "worth"),
        )
        if st.button("Find a head that changes a word", type="primary"):
            with at_its_turn(HEAVY):
                _find_telling(shown, progress)
        st.button("Undo", on_click=session.undo, disabled=not session.can_undo())
        st.button(
            "Switch everything on",
            on_click=session.change_run,
            kwargs={"ablation": ""},
            disabled=not shown.choice.run.ablation,
        )


def _find_telling(shown: PageContext, progress: Any) -> None:
    """Switch off the first head that changes a word of this sentence, else of an example."""
    others = [text for text in examples(shown.folder) if text != shown.choice.run.text]
    for text in (shown.choice.run.text, *others):
        with progress, st.spinner(f"Without each head in turn: {plain(text)}"):
            run = _plain_run(shown).replace(text=text)
            if text != shown.choice.run.text:
                run = run.replace(prefix=())
            before = traces.trace(shown.folder, run)
            worth = leave_one_out(shown.folder, run, before)
            off = head_that_changes_words(shown.folder, run, before, worth, MOST_TRIED)
        if off:
            session.change_run(text=text, ablation=str(off))
            st.session_state[_FOUND] = (session.choice().run, shown.choice.run.text)
            st.rerun()
    progress.info(
        "No single head changes a word of this sentence or of the examples. In each, at most "
        f"{MOST_TRIED} heads were tried, those that cost most. Switch off several."
    )


def _say_found_elsewhere(shown: PageContext) -> None:
    run, text = st.session_state.get(_FOUND, (None, ""))
    if run == shown.choice.run and run.text != text:
        with st.container(horizontal=True, vertical_alignment="center"):
            notice(
                f"In “{text}” no single head changes a word. Here is one that does, in another "
                "sentence."
            )
            st.button("Back to my sentence", on_click=session.undo)


def _worth(shown: PageContext) -> Effects | None:
    """What the switches show; on a long sentence, that of a text until its own is known."""
    asked = shown.of(AblateFields).worth
    if asked == "none":
        return None
    if asked == "text" or not _is_left_out(shown):
        return worth_on_text(shown.folder)
    return _on_this_sentence(shown)


def _is_left_out(shown: PageContext) -> bool:
    return is_left_out(shown.folder, _plain_run(shown), _before(shown))


def _on_this_sentence(shown: PageContext, progress: Any = None) -> Effects:
    def tell(n_done: int, n: int) -> None:
        if progress:
            progress.progress(
                n_done / n,
                f"Each part off in turn, on this sentence… {n_done} of {n}; any click stops it",
            )

    found = leave_one_out(shown.folder, _plain_run(shown), _before(shown), tell)
    return Effects("Change of this translation’s log-probability without it, nats", found, "nats")


def _sweep_this_sentence(shown: PageContext, place: Any) -> None:
    """Measure the worth of each part of a long sentence after the page is drawn, then draw again."""
    if shown.of(AblateFields).worth == "sentence" and not _is_left_out(shown):
        _on_this_sentence(shown, place)
        st.rerun()


def _presets(shown: PageContext) -> None:
    """Suggestions, each with its effect on this sentence, computed now."""
    found = presets(model_config_of(shown.folder), shown.best)
    if _is_left_out(shown):
        known = {preset.ablation for preset in found}
        swept = swept_presets(_on_this_sentence(shown).of)
        found += [preset for preset in swept if preset.ablation not in known]
    st.subheader("Worth trying on this sentence", anchor=False)
    if shown.choice.run.prefix:
        note("What each does is told of a translation without the pieces that you chose.")
    columns, places = st.columns(3, gap="medium"), []
    for index, preset in enumerate(found):
        with columns[index % 3], st.container(gap="xxsmall"):
            st.button(
                preset.title,
                key=f"preset-{index}",
                width="stretch",
                on_click=session.change_run,
                kwargs={"ablation": str(preset.ablation)},
            )
            places.append(st.empty())
    for place, preset in zip(places, found, strict=True):
        place.markdown(f":small[{plain(preset.question)}]")
    run = _plain_run(shown).replace(prefix=())
    trace = traces.trace(shown.folder, run)
    wanted = tuple(preset.ablation for preset in found)
    effects = sentence_effects(shown.folder, run, trace, wanted)
    for place, preset, effect in zip(places, found, effects, strict=True):
        place.markdown(f":small[{plain(preset.question)} {plain(pictures.finding(effect))}]")


def _below_the_words(shown: PageContext) -> None:
    """Draw the effect on each step, on the candidates of one step, and on one head."""
    moved = step_effects(shown.folder, _plain_run(shown), _before(shown), _ablation(shown))
    st.subheader("How sure is the changed model of the original words?", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    names = piece_labels(step.name for step in moved)
    with right:
        step = _choose_step(shown, moved, names)
    drawn = pictures.step_pictures(moved, step)
    for place, picture in zip((left, right), drawn, strict=True):
        with place:
            draw_chart(picture.shown, alt=picture.title)
            note(picture.note)
    found = _compared(shown)
    before_after.draw_attention(shown, found, in_words(_ablation(shown)))
    if is_silent(_ablation(shown), before_after.place_compared(shown, found)):
        note(
            "This head is off: its weights are still computed, but its output is replaced by zeros, "
            "so the layer goes on without it."
        )


def _choose_step(shown: PageContext, moved: Sequence["StepEffect"], names: Sequence[str]) -> int:
    """The step whose candidates are shown, from 0; at first the one that moved most."""
    most = _most_moved(moved)
    chosen = shown.of(AblateFields).scored or most
    st.selectbox(
        "Candidates of step",
        range(1, len(names) + 1),
        format_func=lambda step: (
            f"{step}: {names[step - 1]}" + (" (moved most)" if step == most else "")
        ),
        **session.bind(AblateFields, "scored", chosen),
    )
    return chosen - 1


def _most_moved(moved: Sequence["StepEffect"]) -> int:
    """The step, from 1, whose distribution the change moved most."""
    return max(range(len(moved)), key=lambda step: moved[step].kl_nats) + 1


def _pictures(shown: PageContext) -> list[Picture]:
    """The pictures on the page, for a file."""
    ablation, found = _ablation(shown), _compared(shown)
    data = toggles.payload(
        model_config_of(shown.folder),
        states(ablation),
        effects=_worth(shown),
        marked=_marked(shown),
    )
    switches = Picture(
        f"Switched off after training: {in_words(ablation)}",
        Mounted(toggles.SCRIPT, toggles.STYLE, data),
        f"Before: {found.before.target.text} After: {found.after.target.text}",
    )
    drawn = [switches, *pictures_beyond(shown.folder)]
    if not ablation.parts:
        return drawn
    moved = step_effects(shown.folder, _plain_run(shown), found.before, ablation)
    chosen = shown.of(AblateFields).scored or _most_moved(moved)
    steps = pictures.step_pictures(moved, chosen - 1)
    return [*drawn, *steps, *before_after.head_pictures(shown, found)]


page()
