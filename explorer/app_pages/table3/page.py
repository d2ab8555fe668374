"""Table 3: models trained with one design choice changed, the paper's beside ours."""

from collections.abc import Mapping
from typing import Any, get_args

import plotly.graph_objects as go
import streamlit as st

from core.experiments.table3.report import report
from core.experiments.table3.rows import TEST, VALIDATION
from core.experiments.table3.table import LET_THROUGH
from explorer.app_pages.table3.cells import COLUMNS, PAPER_COLUMNS, table_rows
from explorer.app_pages.table3.fields import Quality, Sort, Table3Fields
from explorer.app_pages.table3.points import our_points, paper_points
from explorer.app_pages.table3.quality_figure import legend_html, quality_figure
from explorer.app_pages.table3.rows import GROUPS, NAMES
from explorer.app_pages.table3.side_by_side import (
    MOST_COMPARED,
    checked_runs,
    choose_models,
    chosen_rows,
    draw_heads,
    draw_translations,
    loadable,
    traces_of,
)
from explorer.choice import session
from explorer.choice.examples import CAPTION
from explorer.components.table3 import component
from explorer.components.table3.component import TableView
from explorer.engine.table3 import PaperAndOurs, shown_family
from explorer.figures.standalone import Mounted, Picture
from explorer.frame.chart import draw_chart
from explorer.frame.downloads import save_table, share
from explorer.frame.messages import notice, plain
from explorer.frame.self_check import draw_self_checks
from explorer.frame.sentence_page import PageInputs, open_page, read_fields

TITLE = "What does each design choice do?"
LEAD = (
    "Each row is a model trained from nothing with one thing changed. Blue did better than base, "
    "orange worse, grey shows no difference. Click a row for its details, a header to sort."
)
TABLE, PAPER_TABLE = "table3", "paper_table3"
NOTHING = (
    "No row is trained here yet. This command trains them one after the other, and each appears "
    "when it is finished:"
)
COMMAND = (
    "python -m core table3 --width 1/4 --depth 1/2 --data data/en-de --output checkpoints/table3"
)
READING = """
- {better} is better. Bars are 95 % intervals; the paper gives none.
- Models of the same size or speed stand side by side.
- Where the paper prints no parameters, they are about those of base, and the row stands there.
- The paper gives no decoding speed of its rows. Ours: {speeds}.
- Parameters here are counted, embeddings included once (section 3.4).
"""
OURS = {"bleu": f"BLEU on {TEST}", "perplexity": f"perplexity on {VALIDATION}"}


def page() -> None:
    asked = open_page(TITLE, LEAD, usual_text=CAPTION)
    try:
        family = shown_family()
    except ValueError as error:
        st.error(plain(str(error)))
        return
    choice, wrong = read_fields(session.choice(), (Table3Fields,))
    for text in (*session.link_notices(), *(wrong if session.is_from_link() else ())):
        notice(f"{text} The usual one is shown instead.")
    models = loadable(family)
    fields = _known(choice.of(Table3Fields), family)
    compared = tuple(chosen_rows(fields.compared, list(models)))
    if models or any(row.measured for row in family.ours.rows):
        pictures = _draw_table(family, fields.replace(compared=compared), frozenset(models))
        _compare(family, asked, models, pictures)
    else:
        _draw_nothing(family)
    session.write_link(choice.with_fields(fields.replace(compared=compared)))


def _known(fields: Table3Fields, family: PaperAndOurs) -> Table3Fields:
    """The fields without rows to open that there are not, with a notice for each."""
    names = {row.name for row in (*family.ours.rows, *family.paper.rows)}
    for name in fields.opened:
        if name not in names:
            notice(f"The link says opened {name}, but there is no such row.")
    return fields.replace(opened=tuple(name for name in fields.opened if name in names))


def _draw_nothing(family: PaperAndOurs) -> None:
    """Say how rows are trained; the paper's own numbers are folded away."""
    st.info(NOTHING)
    st.code(COMMAND, language="sh", wrap_lines=True)
    with st.expander("The paper's numbers"):
        component.table3(
            component.payload(
                [row for row in table_rows(family, frozenset()) if "paper_bleu" in row.cells],
                PAPER_COLUMNS,
                TableView(),
                caption="Table 3 of the paper",
                most_compared=0,
            ),
            key=PAPER_TABLE,
            on_view=lambda: None,
        )


def _draw_table(
    family: PaperAndOurs, fields: Table3Fields, models: frozenset[str]
) -> list[Picture]:
    view = TableView(fields.sort or "", fields.down, fields.opened, fields.compared)
    payload = component.payload(
        table_rows(family, models),
        COLUMNS,
        view,
        caption=_caption(family),
        most_compared=MOST_COMPARED,
    )
    component.table3(payload, key=TABLE, on_view=_take_view)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        save_table(
            "table3",
            csv=lambda: report(family.ours, "csv"),
            latex=lambda: report(family.ours, "latex"),
        )
        with st.popover("How to read this table", type="tertiary"):
            st.markdown(_reading(family))
    return [Picture("Table 3", Mounted(component.SCRIPT, component.STYLE, payload), LEAD)]


def _caption(family: PaperAndOurs) -> str:
    rows = family.ours.rows
    n_trained = sum(row.measured is not None for row in rows)
    so_far = "" if n_trained == len(rows) else f": {n_trained} of {len(rows)} so far"
    return (
        f"Table 3 of the paper, and its rows trained here at width {family.ours.width} and depth "
        f"{family.ours.depth}{so_far}"
    )


def _take_view() -> None:
    """Keep how the reader looks at the table, as far as it says something that exists."""
    said: Mapping[str, Any] = component.view_of(TABLE) or {}
    sort = said.get("sort")
    session.change(
        Table3Fields,
        sort=sort if sort in get_args(Sort) else None,
        down=bool(said.get("down")),
        opened=tuple(map(str, said.get("opened", ()))),
        compared=tuple(map(str, said.get("compared", ()))),
    )


def _reading(family: PaperAndOurs) -> str:
    return "\n\n".join(
        (
            "**Training without a part is not the same as removing it later.** A row with one head "
            "learnt to do everything with it; a head that is switched off in a finished model is "
            "missed by layers that learnt to rely on it. The page Ablate shows that.",
            f"**Here**, models are trained at width {family.ours.width} and depth {family.ours.depth} "
            f"of the paper's, on image captions: perplexity on {VALIDATION}, BLEU on {TEST}, lines "
            "are 95 % bootstrap intervals. The paper trained on WMT 2014 and scores newstest2013. So "
            "levels cannot be compared between the two, differences between rows can.",
            f"**No difference shown**: {_spread(family)}",
            "**Ratios** name the rows, as they hold for both: half the key size is 32 of 64 in the "
            "paper and 8 of 16 here. The last two columns have the sizes.",
        )
    )


def _spread(family: PaperAndOurs) -> str:
    spread = family.ours.seed_spread
    if not spread:
        return (
            "the interval holds 0. How far three seeds of base differ is not known yet; until then, "
            "a difference whose interval excludes 0 is “not judged yet”."
        )
    perplexity, bleu = spread[VALIDATION]["perplexity"], spread[TEST]["bleu"]
    return (
        "the interval holds 0, or the difference is no larger than that between three seeds of base "
        f"({perplexity:.2f} in perplexity, {bleu:.2f} in BLEU). Three seeds tell it roughly: of rows "
        f"no different from base, {LET_THROUGH} would exceed it."
    )


def _compare(
    family: PaperAndOurs, asked: PageInputs | None, models: dict[str, str], pictures: list[Picture]
) -> None:
    """One sentence through several models, then the charts and the heads."""
    st.subheader("The same sentence through several models", anchor=False)
    if not models or not asked:
        st.info("The weights of these rows are not here, so there is nothing to translate with.")
        _draw_charts(family)
        return
    translations = st.container()
    rows = choose_models(family, models)
    with translations:
        found = traces_of(family, rows, models)
        if found:
            draw_translations(family, rows, found)
    if not found:
        _draw_charts(family)
        return
    st.subheader("Where each model looks: cross-attention", anchor=False)
    heads = draw_heads(family, rows, found, models)
    charts = _draw_charts(family)
    with asked.saving:
        fields = session.choice().of(Table3Fields).replace(compared=tuple(rows))
        drawn = [*pictures, *charts, *heads]
        share(session.choice().with_fields(fields), TITLE, lambda: drawn)
    draw_self_checks(checked_runs(family, rows, found))


def _draw_charts(family: PaperAndOurs) -> list[Picture]:
    """Quality against size and against speed; returns the pictures drawn."""
    st.subheader("Quality against cost", anchor=False)
    quality = session.choice().of(Table3Fields).quality
    st.radio(
        "Quality",
        list(NAMES),
        format_func=NAMES.__getitem__,
        horizontal=True,
        label_visibility="collapsed",
        **session.bind(Table3Fields, "quality"),
    )
    st.html(legend_html(tuple(GROUPS.values())))
    drawn = [(title, figure) for title, figure in _charts(family, quality) if figure.data]
    places = [*st.columns(2, gap="large"), *st.columns(2, gap="large")]
    for place, (title, figure) in zip(places, drawn, strict=False):
        with place:
            st.markdown(f"**{title}**")
            draw_chart(figure, alt=title, key=title)
    with places[len(drawn)]:
        better = "Lower" if quality == "perplexity" else "Higher"
        st.markdown(READING.format(better=better, speeds=plain(family.ours.speeds)))
    return [Picture(title, figure) for title, figure in drawn]


def _charts(family: PaperAndOurs, quality: Quality) -> list[tuple[str, go.Figure]]:
    groups = tuple(GROUPS.values())
    size, speed = "million parameters", "pieces a second, beam 4"
    of_paper = paper_points(family, quality)
    by_size = our_points(family, quality, lambda row, _: row.sizes.parameters / 1e6)
    by_speed = our_points(family, quality, lambda _, scores: scores.decoding_tokens_per_s)
    there = f"{NAMES[quality]} on newstest2013"
    return [
        (title, quality_figure(points, groups, x_title=x_title, y_title=y_title))
        for title, points, x_title, y_title in (
            ("Here: quality against parameters", by_size, size, OURS[quality]),
            ("The paper: quality against parameters", of_paper, size, there),
            ("Here: quality against decoding speed", by_speed, speed, OURS[quality]),
        )
    ]


page()
