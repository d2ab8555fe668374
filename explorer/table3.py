"""Table 3 in words and cells: the paper's rows, ours beside them, and how each model was trained."""

import math
from collections.abc import Callable, Sequence

from core.table3 import TEST, VALIDATION, Comparison, Measured, Score, Sizes, TableRow
from explorer.engine import Family
from explorer.figures.paper_table import Cell, Group, Line
from explorer.figures.quality import Point
from explorer.state import Quality

BASE = "base"
GROUPS = {
    "base": "base",
    "A": "(A) number of heads",
    "B": "(B) size of keys",
    "C": "(C) size of the model",
    "D": "(D) dropout and label smoothing",
    "E": "(E) learned positions",
    "big": "big",
    "ours": "Only here",
}
"""The parts of the paper's table, and rows of our own."""
NOT_TRAINED = "not trained yet"
JUDGED: dict[Quality, tuple[str, str]] = {
    "perplexity": (VALIDATION, "higher"),
    "bleu": (TEST, "lower"),
}
"""The text on which a score is compared with base, and the verdict that means worse."""
NAMES: dict[Quality, str] = {"perplexity": "Perplexity", "bleu": "BLEU"}
PREFERRED = (BASE, "A-h1", "C-N2", "big")
MOST_COMPARED = 4

SIZES: dict[str, tuple[str, Callable[[Sizes], str]]] = {
    "n_layers": ("N", lambda sizes: str(sizes.n_layers)),
    "d_model": ("d_model", lambda sizes: str(sizes.d_model)),
    "d_ff": ("d_ff", lambda sizes: str(sizes.d_ff)),
    "n_heads": ("h", lambda sizes: str(sizes.n_heads)),
    "d_k": ("d_k", lambda sizes: str(sizes.d_k)),
    "d_v": ("d_v", lambda sizes: str(sizes.d_v)),
    "p_dropout": ("P_drop", lambda sizes: f"{sizes.p_dropout:g}"),
    "label_smoothing": ("ε_ls", lambda sizes: f"{sizes.label_smoothing:g}"),
    "positions": ("positions", lambda sizes: sizes.positions.replace("_", " ")),
}
"""Field of a row's sizes: the paper's name for it, its value as text."""


def group_of(row: TableRow) -> str:
    """The part of the table that a row stands in."""
    return GROUPS[row.name.split("-")[0]] if row.paper else GROUPS["ours"]


def trained_with(sizes: Sizes, base: Sizes) -> str:
    """What makes a row, in words: where its sizes are not those of base."""
    changed = [
        f"{name} = {text(sizes)}"
        for field, (name, text) in SIZES.items()
        if getattr(sizes, field) != getattr(base, field)
    ]
    return ", ".join(changed) or "the sizes of base"


def all_sizes(sizes: Sizes) -> str:
    return ", ".join(f"{name} = {text(sizes)}" for name, text in SIZES.values())


def row_named(rows: Sequence[TableRow], name: str) -> TableRow:
    return next(row for row in rows if row.name == name)


# The table.


def sections(family: Family) -> list[Group]:
    """The table's lines in the paper's parts; every cell knows which model it is of."""
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


def _line(family: Family, paper: TableRow, ours: TableRow) -> Line:
    return (
        Cell(ours.name, trained_with(ours.sizes, row_named(family.ours.rows, BASE).sizes)),
        *_sizes(family, paper, ours),
        *_of_paper(family, paper),
        Cell(f"{ours.sizes.parameters / 1e6:.2f}", about_ours(ours)),
        *_of_ours(ours),
    )


def _sizes(family: Family, paper: TableRow, ours: TableRow) -> list[Cell]:
    """As in the paper, only base says all sizes, every other row what is different in it."""
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


def _of_paper(family: Family, row: TableRow) -> list[Cell]:
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


def _score(score: Score, name: str, about: str) -> Cell:
    digits = 2 if name == "perplexity" else 1
    low, high = score.interval_95
    return Cell(
        f"{score.value:.{digits}f}", about, small=(f"[{low:.{digits}f}, {high:.{digits}f}]",)
    )


def _against(row: TableRow, name: Quality) -> Cell:
    assert row.measured
    comparison = row.measured.against_base.get(JUDGED[name][0], {}).get(name)
    if comparison is None:
        return Cell("", "nothing to compare" if row.name == BASE else "base is not trained yet")
    low, high = (signed(number) for number in comparison.interval_95)
    return Cell(
        signed(comparison.difference),
        f"{row.name} minus base, both trained here; p = {comparison.p_value:.3f}",
        small=(f"[{low}, {high}]", verdict(comparison, name)),
    )


def verdict(comparison: Comparison, name: Quality) -> str:
    """With what it means: a higher perplexity is worse, a higher BLEU better."""
    if comparison.verdict not in ("higher", "lower"):
        return comparison.verdict
    return f"{comparison.verdict}: {'worse' if comparison.verdict == JUDGED[name][1] else 'better'}"


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def about_paper(family: Family, row: TableRow) -> str:
    """Which model a number of the paper is of."""
    return (
        f"{row.name} in the paper: {all_sizes(row.sizes)}; trained on WMT 2014 for "
        f"{family.paper_steps[row.name]:,} steps; scores on newstest2013"
    )


def about_ours(row: TableRow) -> str:
    """Which model a number of ours is of, and how it was trained."""
    start = f"{row.name} here: {all_sizes(row.sizes)}; "
    if not row.measured:
        return f"{start}{NOT_TRAINED}"
    return f"{start}{how_trained(row, row.measured)}"


def how_trained(row: TableRow, measured: Measured) -> str:
    return (
        f"trained on Multi30k for {measured.steps:,} steps, {measured.tokens_seen / 1e6:.1f} million "
        f"tokens, seed {row.seed}; weights of step {measured.best_step:,}, the best on {VALIDATION}"
    )


# The charts.


def paper_points(family: Family, name: Quality) -> list[Point]:
    """The paper's rows over its parameters; where it prints none they are those of base."""
    base = row_named(family.ours.rows, BASE).paper
    assert base
    return [
        Point(
            row.name,
            group_of(row),
            x=row.paper.parameters_millions or base.parameters_millions or math.nan,
            y=getattr(row.paper, name),
        )
        for row in family.ours.rows
        if row.paper
    ]


def our_points(
    family: Family, name: Quality, across: Callable[[TableRow, Measured], float]
) -> list[Point]:
    """Our trained rows over any number of theirs, with the intervals of their scores."""
    return [
        Point(row.name, group_of(row), across(row, row.measured), score.value, score.interval_95)
        for row in family.ours.rows
        if row.measured
        for score in [row.measured.scores[JUDGED[name][0]][name]]
    ]


def chosen_rows(wanted: Sequence[str], available: Sequence[str]) -> list[str]:
    """Up to four rows to translate side by side: the reader's, or some of very different shapes."""
    chosen = [name for name in wanted if name in available]
    usual = [name for name in (*PREFERRED, *available) if name in available]
    return (chosen or list(dict.fromkeys(usual)))[:MOST_COMPARED]


def details(family: Family) -> list[dict[str, object]]:
    """How each row was trained, a line a row."""
    base = row_named(family.ours.rows, BASE).sizes
    return [
        {
            "row": row.name,
            "trained with": trained_with(row.sizes, base),
            "how": how_trained(row, row.measured) if row.measured else NOT_TRAINED,
            **(_speeds(row.measured) if row.measured else {}),
        }
        for row in family.ours.rows
    ]


def _speeds(measured: Measured) -> dict[str, object]:
    return {
        "training tokens/s": round(measured.training_tokens_per_s),
        "decoding tokens/s": round(measured.decoding_tokens_per_s),
        "on": measured.hardware,
        "weights (SHA-256)": (measured.weights_sha256 or "not kept")[:12],
    }
