"""What every head does over a whole text, and sentences in which it does it most and least."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.analysis.head_place import KIND_NAMES, HeadPlace
from core.analysis.roles.roles import (
    DEFINITIONS,
    STRICTLY_POSITIONAL,
    Played,
    Roles,
    RoleScore,
)
from core.analysis.trace.trace import Trace
from core.checkpoint.required import model_config_of
from core.config import KINDS, Kind, n_layers
from explorer.app_pages.registry import PAGES
from explorer.app_pages.roles.fields import RolesFields
from explorer.app_pages.roles.figures import in_words, layer_rows, layers_figure, legend, squares
from explorer.choice import session
from explorer.choice.choice import Run, View
from explorer.components.overview import component as overview
from explorer.engine import traces
from explorer.engine.checkpoints import metrics
from explorer.engine.roles import can_measure, measured_roles, stored_roles
from explorer.figures.head import head_figure, least_width_px, token_label
from explorer.figures.standalone import Mounted, Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import share
from explorer.frame.messages import note, notice, plain
from explorer.frame.pick import pick
from explorer.frame.self_check import draw_self_checks
from explorer.frame.sentence_page import PageInputs
from explorer.frame.tables import draw_table
from explorer.frame.wide import wide
from explorer.head.matrix import column_labels, column_title, row_labels, row_title

TITLE = "What does each head do?"
LEAD = (
    "Each square is a head, in the colour of the role that it plays over a whole text. Click one for its scores, "
    "and for sentences in which it plays its role most and least."
)
STYLE = Path(__file__).with_name("roles.css")
COMMAND = "python -m core roles --checkpoint {} --source text.{} --target text.{}"
NOT_MEASURED = (
    "What the heads of this model do was not measured. This command measures it on a text of yours:"
)
FEW = (
    "Measured now on {n} sentences of this project, so intervals are wide; `python -m core roles` measures on a "
    "text of yours."
)
ORDER: tuple[Kind, ...] = ("encoder", "decoder", "cross")
ALIGNING = "Which layer aligns which word?"


def page() -> None:
    asked = sentence_page.open_page(TITLE, LEAD)
    if not asked:
        return
    st.html(STYLE)
    for text in session.link_notices():
        notice(text)
    if asked.choice.run.ablation:
        note("Roles are those of the unchanged model.")
    roles = _roles(asked)
    if roles is None:
        session.write_link(asked.choice)
        return
    choice = asked.choice.with_fields(_settled(asked, roles))
    session.write_link(choice)
    pictures = [
        *_draw_squares(asked.folder, roles, choice.view),
        *_draw_head(asked, roles, choice.view),
    ]
    pictures += _draw_layers(asked.folder)
    _draw_table(roles)
    with asked.saving:
        share(choice, TITLE, lambda: pictures)


def _roles(asked: PageInputs) -> Roles | None:
    """The stored roles, or those over a few sentences; None, with a message, without either."""
    try:
        stored = stored_roles(asked.folder)
    except ValueError as error:
        notice(f"{error}.")
        stored = None
    if stored:
        texts = ", ".join(f"{plain(name)} ({n:,} sentences)" for name, n in stored.texts.items())
        note(f"Measured on {texts}.")
        return stored
    if not can_measure(asked.folder):
        st.info(NOT_MEASURED)
        st.code(
            COMMAND.format(shlex.quote(asked.folder.name), "source", "target"),
            language="sh",
            wrap_lines=True,
        )
        return None
    with st.spinner("Reading this project’s own sentences with every head …"):
        found = measured_roles(asked.folder)
    note(FEW.format(n=next(iter(found.texts.values()))))
    return found


def _settled(asked: PageInputs, roles: Roles) -> View:
    """The chosen head, or of that kind the one with the strongest role."""
    view, config = asked.choice.view, model_config_of(asked.folder)
    if view.layer and view.head:
        chosen = HeadPlace.numbered(view.kind, view.layer, view.head)
        place = chosen.within(n_layers(config, view.kind), config.n_heads)
    else:
        place = max(
            (place for place in roles.scores if place.kind == view.kind),
            key=lambda place: main.strength if (main := roles.main(place)) else -1.0,
            default=HeadPlace(view.kind, 0, 0),
        )
    return view.replace(layer=place.layer_number, head=place.head_number)


def _draw_squares(folder: Path, roles: Roles, view: View) -> list[Picture]:
    st.html(legend(roles))
    config = model_config_of(folder)
    pictures = []
    for kind, column in zip(ORDER, st.columns(len(ORDER), gap="medium"), strict=True):
        shape = (n_layers(config, kind), config.n_heads)
        painted = squares(roles, kind, shape)
        weights = np.zeros((*shape, 1, 1))
        chosen = HeadPlace.numbered(kind, view.layer or 1, view.head or 1)
        place = chosen if view.kind == kind else None
        with column:
            st.markdown(f"**{KIND_NAMES[kind]}**")
            overview.overview(
                weights,
                chosen,
                key=_key(kind),
                on_choice=lambda kind=kind: _take(kind),  # type: ignore[misc]
                tint=painted,
                is_chosen=place is not None,
            )
        payload = overview.payload(weights, chosen, tint=painted, is_chosen=place is not None)
        pictures.append(
            Picture(f"{KIND_NAMES[kind]}: roles", Mounted(overview.SCRIPT, overview.STYLE, payload))
        )
    return pictures


def _key(kind: Kind) -> str:
    return f"roles_{kind}"


def _take(kind: Kind) -> None:
    chosen = overview.chosen_head(_key(kind))
    if chosen:
        session.change(View, kind=kind, layer=chosen[0], head=chosen[1])


def _draw_head(asked: PageInputs, roles: Roles, view: View) -> list[Picture]:
    place = HeadPlace.numbered(view.kind, view.layer or 1, view.head or 1)
    main = roles.main(place)
    st.subheader(place.name, anchor=False)
    st.write(f"**{plain(in_words(main))}.**" if main else none_of_them(roles, place))
    _draw_scores(roles, place)
    if main is None or not main.most:
        return []
    pictures: list[Picture] = []
    checked: dict[str, tuple[Path, Run, Trace]] = {}
    if roles.kept_from not in roles.texts:
        note(
            f"Sentences in which it does so, among {plain(roles.kept_from)}, not those of the score:"
        )
    sides = (
        ("most", "Most often", main.most),
        ("least", "Least often", main.least),
    )
    for (name, title, played), column in zip(sides, st.columns(2, gap="large"), strict=True):
        if played:
            with column:
                if drawn := _draw_sentence(asked, roles, place, name, title, played):
                    picture, checked[title] = drawn
                    pictures.append(picture)
    if checked:
        draw_self_checks(checked)
    return pictures


def none_of_them(roles: Roles, place: HeadPlace) -> str:
    """What a head without a role comes nearest to."""
    said, closest = "**It has none of these roles.**", roles.closest(place)
    if closest is None:
        return said
    role = DEFINITIONS[closest.name]
    return (
        f"{said} Nearest: {role.title.lower()} ({plain(closest.what)}), {closest.score.value:.2f}; {role.least:g} would "
        "be needed."
    )


def _draw_scores(roles: Roles, place: HeadPlace) -> None:
    rows = [
        score_row(score, is_main=score is roles.main(place))
        for score in roles.scores.get(place, ())
    ]
    if place in roles.trees and roles.tree_baseline is not None:
        tree = roles.trees[place]
        rows.append(
            {
                "role": "Whole trees", "has it": "", "score": _interval(tree.score),
                "trivial rule": f"{roles.tree_baseline:.2f}", "shuffled": "",
                "at what it does best": "dependencies in the maximum spanning tree of its weights",
            }
        )  # fmt: skip
    if rows:
        draw_table(rows, name="role-scores", caption=f"{place.name}: roles", is_whole=True)
        note(
            "The score is the share of queries at which the largest weight falls where the role says, with a 95 % "
            "interval over sentences. A head has a role if it is above the trivial rule and the shuffled control, and "
            f"at least at {_thresholds()}. Voita et al. (2019) ask {STRICTLY_POSITIONAL:.0%} of a positional head."
        )
        _draw_rules(roles, place)


def _draw_rules(roles: Roles, place: HeadPlace) -> None:
    """What the trivial rule and the control of each role are."""
    lines = [
        f"- {role.title}: {role.about}. Trivial rule: {role.baseline}. Shuffled: {role.control}."
        for role in (DEFINITIONS[score.name] for score in roles.scores.get(place, ()))
    ]
    with st.expander("What each role asks, its trivial rule, and what is shuffled"):
        st.markdown("\n".join(lines))


def _thresholds() -> str:
    return ", ".join(f"{role.least:.0%} ({role.title.lower()})" for role in DEFINITIONS.values())


def score_row(score: RoleScore, *, is_main: bool) -> dict[str, object]:
    """One role of one head, as a line of the table."""
    return {
        "role": DEFINITIONS[score.name].title,
        "has it": "yes, its main one" if is_main else "yes" if score.is_held else "no",
        "score": _interval(score.score),
        "trivial rule": f"{score.baseline:.2f}",
        "shuffled": f"{score.control:.2f}",
        "at what it does best": score.what,
    }


def _interval(estimate: object) -> str:
    value, low, high = estimate.rounded(2)  # type: ignore[attr-defined]
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _draw_sentence(
    asked: PageInputs,
    roles: Roles,
    place: HeadPlace,
    name: str,
    title: str,
    played: Sequence[Played],
) -> tuple[Picture, tuple[Path, Run, Trace]] | None:
    """One of the sentences, with the head on it; and what is to be checked of it.

    None, with a message, if the model cannot read it.
    """
    st.markdown(f"**{title}**")
    numbers = {n: f"{seen.hits} of {seen.chances}" for n, seen in enumerate(played, 1)}
    chosen = min(getattr(session.choice().of(RolesFields), name), len(played))
    pick(
        "Hits, of the chances that a sentence gives",
        numbers,
        **session.bind(RolesFields, name, chosen),
    )
    source, target = roles.sentences[played[chosen - 1].sentence]
    run = Run(text=source, model=asked.choice.run.model, target=target)
    st.markdown(plain(f"{source} → {target}" if target else source))
    try:
        trace = traces.trace(asked.folder, run)
    except ValueError as error:
        notice(f"This sentence cannot be shown: {error}.")
        return None
    figure = sentence_figure(trace, place)
    label = f"{place.in_words.capitalize()}: {source}"
    with wide(f"roles-{name}", least_width_px(len(column_labels(trace, place.kind)))):
        draw_chart(figure, alt=label, key=f"roles-figure-{name}")
    if st.button(
        "Open in Heads", key=f"open-{name}", type="tertiary", icon=":material/open_in_new:"
    ):
        session.change_run(text=source, target=target, prefix=(), ablation="")
        session.show_head(place)
        st.switch_page(PAGES["Heads"])
    picture = Picture(f"{title}: {place.name}", figure, f"{source} → {target}")
    return picture, (asked.folder, run, trace)


def sentence_figure(trace: Trace, place: HeadPlace) -> go.Figure:
    """The head's weights; the numbers stand in the cells, so there is no colour bar."""
    return head_figure(
        place.of(trace.weights),
        rows=list(map(token_label, row_labels(trace, place.kind))),
        columns=list(map(token_label, column_labels(trace, place.kind))),
        row_title=row_title(place.kind),
        column_title=column_title(place.kind),
    ).update_traces(showscale=False, selector={"type": "heatmap"})


def _draw_layers(folder: Path) -> list[Picture]:
    """Which layers align, if `align` measured it with every layer."""
    rows = layer_rows(metrics(folder).get("alignment") or {})
    if not rows:
        return []
    alignment = metrics(folder)["alignment"]
    is_rate = "alignment_error_rate" in alignment
    number = "alignment error rate" if is_rate else "links in both directions"
    values = np.array([[cell[0] for cell in cells] for cells in rows.values()])
    st.subheader(ALIGNING, anchor=False)
    figure = layers_figure(list(rows), values, number=number, low_is_good=is_rate)
    draw_chart(figure, alt=f"{ALIGNING} {number}, per cent", key="roles-layers")
    said = (
        f"{number.capitalize()} of each layer as a whole, per cent{', lower is better' * is_rate}; "
        f"{alignment['n_sentences']:,} sentences of {alignment.get('data', 'a text')}. AWO: a word’s row "
        "is the step that writes it; AWI: the step that reads it, one later (Kobayashi et al. 2020). Low layers tend "
        "to align the word that is read, high ones the word that is written."
    )
    note(plain(said))
    return [Picture(ALIGNING, figure, said)]


def _draw_table(roles: Roles) -> None:
    with st.expander("All heads with a role, as a table"):
        draw_table(
            [
                {"head": place.label, **score_row(main, is_main=True)}
                for kind in KINDS
                for place in roles.scores
                if place.kind == kind and (main := roles.main(place))
            ],
            name="roles",
            caption="Heads and their roles",
            is_whole=True,
        )


page()
