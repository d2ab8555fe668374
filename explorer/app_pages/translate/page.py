"""Translate a sentence step by step; take another token and see what changes."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.analysis.trace.trace import Trace
from core.analysis.trace.warnings import warnings_of
from core.decoding.result import SearchResult
from explorer.app_pages.translate.pictures import (
    how_aligned,
    late_head,
    ribbons_note,
    run_name,
    stepper_data,
    translation_pictures,
)
from explorer.app_pages.translate.tokens import (
    node_at,
    path_to,
    source_tokens,
    step_tokens,
)
from explorer.choice import session
from explorer.choice.choice import Run, View
from explorer.choice.page_context import PageContext, is_typed, n_chosen
from explorer.components.beam import component as beam
from explorer.components.stepper import component as stepper
from explorer.engine import traces
from explorer.engine.checkpoints import best_head, folder_of, languages
from explorer.engine.traces import continuation
from explorer.frame import sentence_page
from explorer.frame.again import draw_again, lacks_model
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import draw_translations, followed, translation, translation_beside
from explorer.frame.messages import note, plain
from explorer.frame.shares_in_words import SHARES_NOTE, can_say, share_warnings, with_shares
from explorer.head.differences import score

STEPPER, BESIDE, TREE = "stepper", "stepper_beside", "beam_tree"


def words(shown: PageContext) -> None:
    """The translation in words; below it the pinned one, if it is of the same sentence."""
    lines = [with_shares(shown, translation(shown))]
    run = shown.choice.beside
    pinned = _trace_or_none(run) if run else None
    if run and pinned and _comparable(shown, run):
        best = best_head(folder_of(run.model), pinned)
        lines.append(translation_beside("pinned", pinned, shown.trace, followed(best, run)))
    draw_translations(shown, lines, (*warnings_of(shown.trace), *share_warnings(shown)))
    lacks_model(shown, lacks=not can_say(shown) and not shown.choice.run.ablation)


def draw(shown: PageContext) -> Pictures:
    earlier = session.earlier()
    before = _trace_or_none(earlier) if earlier else None
    if shown.choice.beside:
        left, right = st.columns(2, gap="medium")
        with right:
            _draw_pinned(shown, shown.choice.beside)
        with left:
            st.markdown("**This translation**")
            _draw_stepper(shown, before)
    else:
        _draw_stepper(shown, before)
    if is_typed(shown.choice.run):
        _score_typed(shown)
    _explain(shown, before)
    _actions(shown, earlier if before else None)
    if not is_typed(shown.choice.run):
        _draw_tree(shown)
    return lambda: translation_pictures(shown)


def _draw_stepper(shown: PageContext, before: Trace | None) -> None:
    stepper.stepper(
        stepper_data(shown, before),
        key=STEPPER,
        on_view=lambda: _look(stepper.value(STEPPER, "view")),
        on_taken=lambda: _take(shown, stepper.value(STEPPER, "taken")),
        on_typed=lambda: _type(shown, stepper.value(STEPPER, "typed")),
    )


def _look(seen: Mapping[str, Any] | None) -> None:
    if seen:
        session.change(View, step=seen["step"], layer=seen["layer"], head=seen["head"])


def _take(shown: PageContext, taken: Mapping[str, Any] | None) -> None:
    """Go on from a candidate that the reader clicked."""
    if taken:
        _go_on(taken["step"], (*_tokens_before(shown, taken["step"]), taken["id"]))


def _type(shown: PageContext, typed: Mapping[str, Any] | None) -> None:
    """Go on from a word that the reader typed."""
    if typed:
        before = _tokens_before(shown, typed["step"])
        _go_on(typed["step"], continuation(shown.folder, before, typed["text"]))


def _go_on(step: int, prefix: tuple[int, ...]) -> None:
    session.change_run(prefix=prefix, target="")
    session.change(View, step=step)


def _tokens_before(shown: PageContext, step: int) -> tuple[int, ...]:
    return shown.trace.best.tokens[: step - 1]


def _score_typed(shown: PageContext) -> None:
    """Show the probability of the typed translation, beside that of the model's own."""
    st.markdown(f"**Your translation:** {score(shown.trace)}.")
    searched = _trace_or_none(shown.choice.run.replace(target="", prefix=()))
    if searched:
        note(f"The model’s own, “{plain(searched.target.text)}”: {score(searched)}.")


def _explain(shown: PageContext, before: Trace | None) -> None:
    lines = [
        f"{ribbons_note(shown)} Under each piece: the five most probable ones of its step. Click one, "
        "and the model goes on from there."
    ]
    if shown.trace.best.is_cut:
        lines.append("The translation reached its length limit (section 6.1) and was ended there.")
    if before:
        lines.append("Dashed: differs from the run before.")
    if is_typed(shown.choice.run):
        lines.append("Underlined: typed by you.")
    elif shown.choice.run.prefix:
        lines.append("Underlined: kept, as you chose.")
    if can_say(shown):
        lines.append(SHARES_NOTE)
    st.markdown(f":small[{' '.join(lines)}]", help=how_aligned(shown.best))


def _actions(shown: PageContext, earlier: Run | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Undo", on_click=session.undo, disabled=not session.can_undo())
        with st.popover("Score a translation"):
            _score_form(shown)
        if shown.choice.beside:
            st.button("Unpin", on_click=session.set_beside, args=(None,))
        else:
            st.button(
                "Compare with the run before" if earlier else "Pin to compare",
                on_click=session.set_beside,
                args=(earlier or shown.choice.run,),
                help="A pinned translation stays beside this one while you change sentence, model or "
                "words.",
            )


def _score_form(shown: PageContext) -> None:
    with st.form("score", border=False):
        st.text_area(
            f"{languages(shown.folder)[1]} translation",
            key="typed_target",
            max_chars=5_000,
            help="The model scores your translation piece by piece instead of searching for one.",
        )
        st.form_submit_button("Score", on_click=_score)


def _score() -> None:
    session.change_run(target=st.session_state["typed_target"].strip(), prefix=())


def _draw_pinned(shown: PageContext, run: Run) -> None:
    """The pinned run, at the same step as the run on show."""
    st.markdown(f"**Pinned translation** · {plain(_differs(shown.choice.run, run))}")
    try:
        other = _trace_of(run)
    except ValueError as error:
        st.error(f"The pinned translation cannot be shown: {plain(str(error))}.")
        return
    best = best_head(folder_of(run.model), other)
    data = stepper.payload(
        source_tokens(other),
        step_tokens(
            other,
            followed(best, run),
            n_forced=n_chosen(run, other),
            earlier=_comparable(shown, run),
        ),
        other.weights,
        start=other.consumed[0].name,
        run=run_name(folder_of(run.model), run),
        place=shown.place.within(*other.weights["cross"].shape[:2]),
        step=min(shown.step, len(other.steps)),
        late=late_head(best),
        can_change=False,
    )
    stepper.stepper(data, key=BESIDE, on_view=_ignore, on_taken=_ignore, on_typed=_ignore)


def _trace_of(run: Run) -> Trace:
    """The trace of another run than the one on show.

    Raises:
        ValueError: if it cannot be translated, or its model is gone.
    """
    return traces.trace(folder_of(run.model), run)


def _trace_or_none(run: Run) -> Trace | None:
    """The same for a run that the page does without where there is none."""
    try:
        return _trace_of(run)
    except ValueError:
        return None


def _comparable(shown: PageContext, run: Run) -> Trace | None:
    """The run above, if both translate the same sentence."""
    return shown.trace if run.text == shown.choice.run.text else None


def _differs(run: Run, pinned: Run) -> str:
    """What is other in the pinned run, in one line."""
    if pinned.text != run.text:
        return f"of “{pinned.text}”"
    names = {"model": "model", "prefix": "chosen words", "target": "typed translation",
             "ablation": "changed model"}  # fmt: skip
    other = [name for field, name in names.items() if getattr(run, field) != getattr(pinned, field)]
    other += ["decoding"] if run.search != pinned.search else []
    return f"other: {', '.join(other)}" if other else "the same settings"


def _ignore() -> None:
    """Ignore steps in the run below: only those of the run above are in the link."""


def _draw_tree(shown: PageContext) -> None:
    """All that the search explored; while a branch of the free search is open, that search's tree."""
    run = shown.choice.run
    trace, chosen = shown.trace, None
    if run.prefix:
        free = _trace_or_none(run.replace(prefix=()))
        chosen = node_at(free.found, run.prefix) if free else None
        trace = free if free and chosen is not None else trace
    st.subheader("What the search explored", anchor=False)
    beam.beam_tree(
        trace.found,
        trace.names,
        chosen=chosen,
        key=TREE,
        on_open=lambda: _open_branch(trace.found, beam.opened(TREE)),
    )
    note(
        f"The search tried {len(trace.found.tree) - 1} next pieces and completed "
        f"{len(trace.found.ends)} translations; the thick branch scored best (section 6.1). Point at a "
        "piece for its scores; click it, and the translation above follows its branch."
    )


def _open_branch(found: SearchResult, node: int | None) -> None:
    if node:
        prefix = path_to(found, node)
        _go_on(len(prefix), prefix)


sentence_page.show_page(
    "Where did each word come from?",
    "A Transformer encodes your sentence once, then writes its translation piece by piece. Press Play, "
    "or step with the arrow keys; click another piece, and the model goes on from it.",
    draw,
    words=words,
    terms=("piece", "encoder", "decoder", "probability", "beam search"),
)
draw_again()
