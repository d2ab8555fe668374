"""Heads, layers and positions switched off after training, and what the translation becomes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.analysis.ablation import Ablation
from core.analysis.ablation.places import is_silent, states, with_off
from core.analysis.effects.corpus_results import SWEEP, read_sweep
from core.analysis.effects.pruning_results import read_pruning
from core.analysis.trace.trace import Trace
from core.checkpoint.required import model_config_of
from explorer.app_pages.ablate import pictures
from explorer.app_pages.ablate.fields import AblateFields
from explorer.app_pages.ablate.presets import in_words, presets, swept_presets
from explorer.choice import session
from explorer.choice.choice import Run
from explorer.choice.page_context import PageContext, Settled, settled
from explorer.components.toggles import component as toggles
from explorer.engine import traces
from explorer.engine.analyses import leave_one_out, sentence_effects, step_effects
from explorer.figures.head import piece_labels
from explorer.figures.standalone import Mounted, Picture
from explorer.frame import sentence_page
from explorer.frame.downloads import Pictures
from explorer.frame.messages import note, notice, plain
from explorer.head import before_after
from explorer.head.differences import Comparison
from explorer.head.fields import BeforeAfterFields

if TYPE_CHECKING:
    from core.analysis.effects.sentence import StepEffect

SWITCHES = "switches"
TITLE = "What if this head were not there?"
LEAD = (
    "Click a head to switch it off, and read the translation again. Nothing is trained anew: heads "
    "are switched off after training (Michel et al. 2019, Voita et al. 2019). A model trained with "
    "other heads is another question (the paper’s Table 3)."
)

TERMS = ("head", "ablation", "log-probability", "nats", "BLEU", "interval")
FIELDS = (AblateFields, BeforeAfterFields)


def page() -> None:
    """Unlike the other pages, this page itself controls how the model is changed."""
    asked = sentence_page.open_page(TITLE, LEAD)
    if not asked:
        return
    shown = sentence_page.translate(asked, settle, FIELDS, takes_typed=False)
    if shown:
        sentence_page.draw_terms(asked, TERMS, shown)
        sentence_page.draw_sentence(TITLE, draw, asked, shown)
    else:
        sentence_page.notice_change(asked, is_shown=False)


def settle(shown: PageContext) -> Settled:
    """Keep the step whose candidates are shown within the first translation."""
    choice, notices = settled(shown)
    n, fields = len(_before(shown).steps), shown.of(AblateFields)
    if fields.scored is None or fields.scored <= n:
        return choice, notices
    notice = f"The link says scored {fields.scored}, but the first translation has {n} steps."
    return choice.with_fields(fields.replace(scored=None)), (*notices, notice)


def draw(shown: PageContext) -> Pictures:
    grids, progress = st.container(), st.empty()
    _actions(shown)
    sentence_page.load_model(shown.folder, progress)
    worth = _worth(shown, progress)
    with grids:
        toggles.toggles(
            model_config_of(shown.folder),
            states(_ablation(shown)),
            key=SWITCHES,
            on_switch=_take_switches,
            effects=worth,
            marked=_marked(shown),
        )
    _translations(shown)
    tried = st.container()
    if shown.choice.run.ablation:
        _below_the_words(shown)
    _beyond_this_sentence(shown)
    with tried:
        _presets(shown, worth)
    return lambda: _pictures(shown)


def _ablation(shown: PageContext) -> Ablation:
    return Ablation.parse(shown.choice.run.ablation)


def _plain_run(shown: PageContext) -> Run:
    return shown.choice.run.replace(ablation="")


def _before(shown: PageContext) -> Trace:
    return traces.trace(shown.folder, _plain_run(shown))


def _marked(shown: PageContext) -> tuple[str, str]:
    return shown.best.place.label, shown.best.label


def _take_switches() -> None:
    places = toggles.switched(SWITCHES)
    if places is not None:
        now = Ablation.parse(session.choice().run.ablation)
        session.change_run(ablation=str(with_off(now, places)))


def _actions(shown: PageContext) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        swept = shown.of(AblateFields).swept
        st.button(
            "Hide what each head is worth" if swept else "What if I remove each head?",
            help="Each head, layer and sub-layer in turn, alone, on this sentence: how much less "
            "probable its translation becomes",
            type="secondary" if swept else "primary",
            on_click=session.change,
            args=(AblateFields,),
            kwargs={"swept": not swept},
        )
        st.button("Undo", on_click=session.undo, disabled=not session.can_undo())
        st.button(
            "Switch everything on",
            on_click=session.change_run,
            kwargs={"ablation": ""},
            disabled=not shown.choice.run.ablation,
        )


def _worth(shown: PageContext, place: Any) -> dict[str, float] | None:
    """The effect of each head on this sentence, if the reader asked for it."""
    if not shown.of(AblateFields).swept:
        return None
    title = "Removing each head, layer and sub-layer in turn…"

    def progress(n_done: int, n: int) -> None:
        place.progress(n_done / n, f"{title} {n_done} of {n}")

    found = leave_one_out(shown.folder, _plain_run(shown), _before(shown), progress)
    place.empty()
    return found


def _compared(shown: PageContext) -> Comparison:
    return before_after.compare(shown.folder, _before(shown), shown.choice.run)


def _translations(shown: PageContext) -> None:
    if not shown.choice.run.ablation:
        st.markdown(f"**{plain(shown.trace.target.text)}**")
        note(
            "The model as it is. Switch something off above, or try one of these, and the "
            "translation before and after stand here side by side."
        )
        return
    with st.spinner("Translating under the change…"):
        found = _compared(shown)
    before_after.draw_translations(found, in_words(_ablation(shown)))


def _presets(shown: PageContext, worth: dict[str, float] | None) -> None:
    """Suggestions, each with its effect on this sentence, computed now."""
    found = presets(model_config_of(shown.folder), shown.best)
    if worth:
        found += swept_presets(worth)
    st.subheader("Worth trying on this sentence", anchor=False)
    if shown.choice.run.prefix:
        note("What each does is told of a translation without the pieces that you chose.")
    places = []
    for index, preset in enumerate(found):
        if index % 3 == 0:
            columns = st.columns(3, gap="medium")
        with columns[index % 3]:
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
    st.subheader("The first translation, asked again", anchor=False)
    left, right = st.columns([3, 2], gap="large")
    names = piece_labels(step.name for step in moved)
    with right:
        step = _choose_step(shown, moved, names)
    drawn = pictures.step_pictures(moved, step)
    for place, picture in zip((left, right), drawn, strict=True):
        with place:
            st.plotly_chart(picture.shown, alt=picture.title, config={"displaylogo": False})
            note(picture.note)
    found = _compared(shown)
    before_after.draw_attention(shown, found)
    if is_silent(_ablation(shown), shown.place):
        note(
            "This head is off: its weights are still computed, but what they fetch is replaced by "
            "zeros, so the layer goes on without it."
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


def _beyond_this_sentence(shown: PageContext) -> None:
    """Draw what was measured once for this checkpoint on a whole text."""
    st.subheader("Which heads matter beyond this sentence?", anchor=False)
    _unless_bad(_draw_worth, shown.folder)
    st.subheader("How many heads can go?", anchor=False)
    _unless_bad(_draw_pruning, shown.folder)


def _unless_bad(draw: Callable[[Path], None], folder: Path) -> None:
    """A file beside the model that cannot be read costs its own picture, and is named."""
    try:
        draw(folder)
    except ValueError as error:
        notice(f"{error}.")


def _draw_worth(of: Path) -> None:
    folder = f"checkpoints/{of.name}"
    swept = read_sweep(of)
    _measured(
        pictures.worth_picture(swept),
        f"`python -m core ablate --checkpoint {folder} --sweep heads --output {folder}/{SWEEP}` with "
        "a text and its translation (`--source`, `--reference`) leaves out one head after another, "
        "and this page then shows what each is worth in BLEU.",
    )
    if rows := pictures.worth_table(swept):
        with st.expander("Every head in numbers, the most missed first"):
            st.dataframe(rows, hide_index=True, width="stretch")


def _draw_pruning(of: Path) -> None:
    folder = f"checkpoints/{of.name}"
    _measured(
        pictures.pruning_picture(read_pruning(of)),
        f"`python -m core prune --checkpoint {folder}` with a text and its translation removes heads "
        "one after another, the least important first (Michel et al. 2019), measures BLEU on the "
        "way, and this page then shows the curve.",
    )


def _measured(picture: Picture | None, how: str) -> None:
    if picture is None:
        note(f"Nobody has measured it for this checkpoint yet. {how}")
        return
    st.plotly_chart(picture.shown, alt=picture.title, config={"displaylogo": False})
    note(picture.note)


def _pictures(shown: PageContext) -> list[Picture]:
    """The pictures on the page, for a file."""
    ablation = _ablation(shown)
    worth = None
    if shown.of(AblateFields).swept:
        worth = leave_one_out(shown.folder, _plain_run(shown), _before(shown))
    data = toggles.payload(
        model_config_of(shown.folder),
        states(ablation),
        effects=worth,
        marked=_marked(shown),
    )
    switches = Picture(
        f"Switched off after training: {in_words(ablation)}",
        Mounted(toggles.SCRIPT, toggles.STYLE, data),
        f"Before: {_before(shown).target.text} After: {_compared(shown).after.target.text}",
    )
    drawn = [switches, *_measured_pictures(shown.folder)]
    if not ablation.parts:
        return drawn
    moved = step_effects(shown.folder, _plain_run(shown), _before(shown), ablation)
    chosen = shown.of(AblateFields).scored or _most_moved(moved)
    steps = pictures.step_pictures(moved, chosen - 1)
    return [*drawn, *steps, *before_after.head_pictures(shown, _compared(shown))]


def _measured_pictures(folder: Path) -> Iterator[Picture]:
    """Those whose file is there and can be read; on the page a notice names the others."""
    readers: tuple[Callable[[Path], Picture | None], ...] = (
        lambda folder: pictures.worth_picture(read_sweep(folder)),
        lambda folder: pictures.pruning_picture(read_pruning(folder)),
    )
    for read in readers:
        with suppress(ValueError):
            if picture := read(folder):
                yield picture


page()
