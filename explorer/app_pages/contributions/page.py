"""How much of each step comes from the source, and how much from what was written before."""

import streamlit as st

from core.analysis.contributions.results import SourceShares
from core.analysis.trace.warnings import warnings_of
from explorer.app_pages.contributions.fields import ContributionsFields
from explorer.app_pages.contributions.figures import along_figure, along_note, snapshots_figure
from explorer.app_pages.contributions.pictures import map_picture
from explorer.choice import session
from explorer.choice.page_context import PageContext
from explorer.components.lines import component as lines
from explorer.engine.checkpoints import best_head
from explorer.engine.contributions import contributions, shares_problem, usual_shares
from explorer.engine.models import load
from explorer.figures.head import least_width_px, token_label
from explorer.figures.standalone import Mounted, Picture
from explorer.frame import sentence_page
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import Pictures
from explorer.frame.in_words import draw_in_words, draw_translations, translation
from explorer.frame.messages import note, notice, plain
from explorer.frame.pick import pick
from explorer.frame.shares_in_words import SHARES_NOTE, share_warnings, with_shares
from explorer.frame.wide import wide
from explorer.head.matrix import column_labels, column_title, plain_matrix, row_labels, row_title

TITLE = "From the source, or from the words before?"
LEAD = (
    "Attention weights say where a head looks, not how much that changes the output. Here it is measured how much "
    "each source piece and each earlier piece contributes, through all layers (ALTI+)."
)
CHANGED = (
    "These are parts of the unchanged model’s output; with the change that is chosen ({}) they would not add up. "
    "Take the change back to see them."
)
LINES_NOTE = (
    "Left, what each source piece contributes to a step through all layers and heads; the rest of a row comes from "
    "the words before. Right, where {} attends when the word is written."
)
SNAPSHOTS_NOTE = (
    "The mean share over {} sentences of {}, with the weights of each moment that the training kept. In Voita et al. "
    "(2021) it rises with training, and settles."
)
NOT_MEASURED = (
    "What is usual for this model was not measured: `python -m core contributions` does it on a text, and words that "
    "hardly come from the source are then marked."
)


def words(shown: PageContext) -> None:
    if shown.choice.run.ablation:
        draw_in_words(shown)
        return
    load(shown.folder)
    line = with_shares(shown, translation(shown))
    draw_translations(shown, [line], (*warnings_of(shown.trace), *share_warnings(shown)))
    note(SHARES_NOTE)


def draw(shown: PageContext) -> Pictures:
    if shown.choice.run.ablation:
        notice(CHANGED.format(shown.choice.run.ablation))
        return list
    usual = usual_shares(shown.folder)
    if problem := shares_problem(shown.folder):
        notice(f"{problem}.")
    pictures = [_draw_map(shown), *_draw_lines(shown), *_draw_along(shown, usual)]
    return lambda: pictures


def _draw_map(shown: PageContext) -> Picture:
    found = contributions(shown.folder, shown.choice.run, shown.trace)
    n_layers = len(found.source)
    depth = min(shown.of(ContributionsFields).depth or n_layers, n_layers)
    layers = {n: str(n) for n in range(1, n_layers + 1)}
    pick("After decoder layer", layers, **session.bind(ContributionsFields, "depth", depth))
    picture = map_picture(shown.trace, found, depth)
    n_columns = len(shown.trace.source.pieces) + len(shown.trace.consumed)
    with wide("contributions-map", least_width_px(n_columns)):
        draw_chart(picture.shown, alt=picture.title, key="contributions-heat-map")
    note(picture.note)
    return picture


def _draw_lines(shown: PageContext) -> list[Picture]:
    """Contributions and attention to the source, side by side."""
    found = contributions(shown.folder, shown.choice.run, shown.trace)
    place = best_head(shown.folder, shown.trace).at_first
    attention = plain_matrix(shown.trace, place)
    common = {
        "rows": row_labels(shown.trace, "cross"),
        "columns": column_labels(shown.trace, "cross"),
        "row_title": row_title("cross"),
        "column_title": column_title("cross"),
        "hover": attention.hover.to_json(),
    }
    drawn = {
        "Contributions": (found.source[-1], "All layers and heads"),
        f"Attention, {place.in_words}": (attention.values, f"Head {place.head_number}"),
    }
    st.subheader("Contributions beside attention", anchor=False)
    pictures = []
    said = LINES_NOTE.format(place.in_words)
    for number, (column, (title, (matrix, name))) in enumerate(
        zip(st.columns(2, gap="large"), drawn.items(), strict=True)
    ):
        payload = lines.lines_payload(matrix[None], heads=[name], title=title, **common)  # type: ignore[arg-type]
        with column:
            st.markdown(f"**{title}**")
            lines.lines(payload, key=f"contributions-lines-{number}")
        pictures.append(Picture(title, Mounted(lines.SCRIPT, lines.STYLE, payload), said))
    note(said)
    return pictures


def _draw_along(shown: PageContext, usual: SourceShares | None) -> list[Picture]:
    found = contributions(shown.folder, shown.choice.run, shown.trace)
    steps = list(map(token_label, row_labels(shown.trace, "cross")))
    st.subheader("The share of the source along the output", anchor=False)
    figure = along_figure(usual, found.source_share, steps)
    draw_chart(figure, alt="The share of the source along the output", key="contributions-along")
    if usual is None:
        note(NOT_MEASURED)
        return [Picture("The share of the source along the output", figure)]
    said = along_note(usual, usual.text)
    note(plain(said))
    pictures = [Picture("The share of the source along the output", figure, said)]
    if usual.snapshots:
        pictures.append(_draw_snapshots(usual))
    return pictures


def _draw_snapshots(usual: SourceShares) -> Picture:
    st.subheader("Along the training", anchor=False)
    figure = snapshots_figure(usual)
    said = SNAPSHOTS_NOTE.format(f"{usual.n_sentences:,}", usual.text)
    draw_chart(figure, alt="The share of the source along the training", key="contributions-steps")
    note(plain(said))
    return Picture("The share of the source along the training", figure, said)


sentence_page.show_page(
    TITLE,
    LEAD,
    draw,
    words=words,
    terms=("attention", "residual", "cross-attention", "encoder", "decoder"),
    fields=(ContributionsFields,),
)
