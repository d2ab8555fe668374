"""Table 3 as cells: the paper's rows, and ours beside them."""

from core.experiments.table3.report import DIGITS, NOT_TRAINED, SIZES, trained_with
from core.experiments.table3.table import IntervalScore, TableRow
from explorer.app_pages.table3.fields import Quality
from explorer.app_pages.table3.paper_table import Cell, Group, Line
from explorer.app_pages.table3.rows import (
    BASE,
    GROUPS,
    JUDGED,
    about_ours,
    about_paper,
    group_of,
    row_named,
    verdict,
)
from explorer.engine.table3 import PaperAndOurs
from explorer.figures.axes import signed


def sections(family: PaperAndOurs) -> list[Group]:
    """The table's lines in the paper's parts; every cell names the model that it describes."""
    groups: dict[str, list[Line]] = {title: [] for title in GROUPS.values()}
    for row in family.ours.rows:
        paper = row_named(family.paper.rows, row.name)
        groups[group_of(row)].append(_line(family, paper, row))
    return [Group(title, tuple(lines)) for title, lines in groups.items() if lines]


HEADER = (
    ("", ("row",)),
    ("Sizes: the paper's, and in small print ours", tuple(name for name, _ in SIZES.values())),
    ("The paper", ("train steps", "PPL", "BLEU", "params ×10⁶")),
    ("Trained here", ("params ×10⁶", "PPL", "BLEU", "ΔPPL to base", "ΔBLEU to base")),
)
"""Groups of columns, and the columns of each."""


def _line(family: PaperAndOurs, paper: TableRow, ours: TableRow) -> Line:
    return (
        Cell(ours.name, trained_with(ours.sizes, row_named(family.ours.rows, BASE).sizes)),
        *_sizes(family, paper, ours),
        *_of_paper(family, paper),
        Cell(f"{ours.sizes.parameters / 1e6:.2f}", about_ours(ours)),
        *_of_ours(ours),
    )


def _sizes(family: PaperAndOurs, paper: TableRow, ours: TableRow) -> list[Cell]:
    """As in the paper, base lists all sizes, and every other variant only what it changes."""
    base = row_named(family.paper.rows, BASE).sizes
    our_base = row_named(family.ours.rows, BASE).sizes
    cells = []
    for field, (name, text) in SIZES.items():
        same = [
            getattr(s, field) == getattr(b, field)
            for s, b in ((paper.sizes, base), (ours.sizes, our_base))
        ]
        if ours.name != BASE and all(same):
            cells.append(Cell(""))
            continue
        theirs, here = text(paper.sizes) if ours.paper else "", text(ours.sizes)
        value = f"{theirs} in the paper, {here} here" if theirs else here
        about = f"{ours.name}: {name} = {value}"
        cells.append(Cell(theirs, about, small=(here,) if here != theirs else ()))
    return cells


def _of_paper(family: PaperAndOurs, row: TableRow) -> list[Cell]:
    if not row.paper:
        return [Cell("", "no row of the paper")] * 4
    about = about_paper(family, row)
    millions = row.paper.parameters_millions
    steps = family.paper_steps[row.name]
    return [
        Cell(f"{steps // 1000}K" if row.name in (BASE, "big") else "", about),
        Cell(f"{row.paper.perplexity:.2f}", about),
        Cell(f"{row.paper.bleu:.1f}", about),
        Cell(f"{millions:g}" if millions else "", about),
    ]


def _of_ours(row: TableRow) -> list[Cell]:
    about = about_ours(row)
    if not row.measured:
        return [Cell(NOT_TRAINED, about, n_columns=4)]
    return [
        *(
            _score(row.measured.scores[JUDGED[name][0]][name], name, about)
            for name in ("perplexity", "bleu")
        ),
        *(_against(row, name) for name in ("perplexity", "bleu")),
    ]


def _score(score: IntervalScore, name: str, about: str) -> Cell:
    digits = DIGITS[name]
    low, high = score.interval_95
    return Cell(
        f"{score.value:.{digits}f}", about, small=(f"[{low:.{digits}f}, {high:.{digits}f}]",)
    )


def _against(row: TableRow, name: Quality) -> Cell:
    assert row.measured
    comparison = row.measured.against_base.get(JUDGED[name][0], {}).get(name)
    if comparison is None:
        return Cell("", "nothing to compare" if row.name == BASE else "base is not trained yet")
    low, high = (signed(number, plus=True) for number in comparison.interval_95)
    return Cell(
        signed(comparison.difference, plus=True),
        f"{row.name} minus base, both trained here; p = {comparison.p_value:.3f}",
        small=(f"[{low}, {high}]", verdict(comparison, name)),
    )
