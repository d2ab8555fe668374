"""Table 3 as rows of numbers: what each variant changes, the paper's scores, and ours."""

from core.experiments.table3.report import (
    DIGITS,
    NOT_TRAINED,
    all_sizes,
    moves_as_in_the_paper,
)
from core.experiments.table3.rows import TEST, VALIDATION
from core.experiments.table3.table import DifferenceToBase, IntervalScore, TableRow, VariantScores
from explorer.app_pages.table3.changes import change_in_words, changed_sizes
from explorer.app_pages.table3.fields import Quality
from explorer.app_pages.table3.rows import (
    BASE,
    JUDGED,
    NAMES,
    about_ours,
    about_paper,
    group_of,
    how_trained,
    judgement,
    row_named,
)
from explorer.components.table3.component import Cell, Column, Difference, Row
from explorer.engine.table3 import PaperAndOurs
from explorer.figures.axes import signed

QUALITIES: tuple[Quality, ...] = ("perplexity", "bleu")
PAPER, HERE, TO_BASE, SIZE = "The paper", "Trained here", "Trained here, minus base", "Size"
PAPER_COLUMNS = (
    Column("paper_perplexity", PAPER, "PPL", "Perplexity a piece on newstest2013", "low"),
    Column("paper_bleu", PAPER, "BLEU", "BLEU on newstest2013", "high"),
    Column("paper_parameters", PAPER, "M params", "Millions of parameters", "low"),
)
COLUMNS = (
    Column("perplexity_change", TO_BASE, "PPL", f"Perplexity on {VALIDATION}; lower is better", "low"),
    Column("bleu_change", TO_BASE, "BLEU", f"BLEU on {TEST}; higher is better", "high"),
    Column("perplexity", HERE, "PPL", f"Perplexity a piece on {VALIDATION}", "low"),
    Column("bleu", HERE, "BLEU", f"BLEU on {TEST}", "high"),
    Column("parameters", HERE, "M params", "Millions of parameters, embeddings counted once", "low"),
    *PAPER_COLUMNS,
    Column("paper_size", SIZE, "paper", "The paper's size of what is changed"),
    Column("size", SIZE, "here", "Our size of what is changed"),
)  # fmt: skip


def table_rows(family: PaperAndOurs, loadable: frozenset[str]) -> list[Row]:
    """The variants in the paper's order.

    Args:
        loadable: the variants whose weights are here, so that they can be compared.
    """
    return [
        _row(family, row_named(family.paper.rows, row.name), row, can_compare=row.name in loadable)
        for row in family.ours.rows
    ]


def _row(family: PaperAndOurs, paper: TableRow, ours: TableRow, *, can_compare: bool) -> Row:
    base = row_named(family.ours.rows, BASE)
    return Row(
        name=ours.name,
        says=change_in_words(ours.sizes, base.sizes, seed=ours.seed, base_seed=base.seed),
        group=group_of(ours),
        cells={
            **_sizes(family, paper, ours),
            **_of_paper(family, paper),
            **_of_ours(ours),
        },
        differences=_differences(family, paper, ours),
        details=tuple(_details(family, paper, ours)),
        can_compare=can_compare,
    )


def _sizes(family: PaperAndOurs, paper: TableRow, ours: TableRow) -> dict[str, Cell]:
    paper_base, our_base = (row_named(of.rows, BASE) for of in (family.paper, family.ours))
    here = Cell(changed_sizes(ours.sizes, our_base.sizes), about=about_ours(ours))
    if not paper.paper:
        return {"size": here}
    there = changed_sizes(paper.sizes, paper_base.sizes)
    return {"size": here, "paper_size": Cell(there, about=about_paper(family, paper))}


def _of_paper(family: PaperAndOurs, row: TableRow) -> dict[str, Cell]:
    if not row.paper:
        return {}
    about = about_paper(family, row)
    perplexity, bleu, millions = row.paper.perplexity, row.paper.bleu, row.paper.parameters_millions
    found = {
        "paper_perplexity": Cell(f"{perplexity:.2f}", perplexity, about),
        "paper_bleu": Cell(f"{bleu:.1f}", bleu, about),
    }
    if millions:
        found["paper_parameters"] = Cell(f"{millions:g}", millions, about)
    return found


def _of_ours(row: TableRow) -> dict[str, Cell]:
    about = about_ours(row)
    millions = row.sizes.parameters / 1e6
    found = {"parameters": Cell(f"{millions:.2f}", millions, about)}
    if not row.measured:
        return {**found, "perplexity_change": Cell(NOT_TRAINED, about=about)}
    for name in QUALITIES:
        score = row.measured.scores[JUDGED[name][0]][name]
        about_score = f"{_score(score, name)}, 95 % interval; {about}"
        found[name] = Cell(f"{score.value:.{DIGITS[name]}f}", score.value, about_score)
    return found


def _differences(family: PaperAndOurs, paper: TableRow, ours: TableRow) -> dict[str, Difference]:
    found = {}
    for name in QUALITIES:
        comparison = comparison_of(ours, name)
        if comparison is None:
            continue
        low, high = comparison.interval_95
        found[f"{name}_change"] = Difference(
            value=comparison.difference,
            low=low,
            high=high,
            text=signed(comparison.difference, 2 if name == "perplexity" else 1, plus=True),
            judgement=judgement(comparison, name),
            about=f"{ours.name} minus base, both trained here: {_compared(comparison)}",
            paper=_paper_difference(family, paper, name),
        )
    return found


def comparison_of(row: TableRow, name: Quality) -> DifferenceToBase | None:
    """A trained variant's difference to base; None for base itself, or without a trained base."""
    if not row.measured:
        return None
    return row.measured.against_base.get(JUDGED[name][0], {}).get(name)


def _paper_difference(family: PaperAndOurs, row: TableRow, name: Quality) -> float | None:
    base = row_named(family.paper.rows, BASE).paper
    if not row.paper or not base:
        return None
    there, usual = ((of.perplexity, of.bleu)[name == "bleu"] for of in (row.paper, base))
    return round(there - usual, 2)


def _score(score: IntervalScore, name: Quality) -> str:
    digits = DIGITS[name]
    low, high = score.interval_95
    return f"{score.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _compared(comparison: DifferenceToBase) -> str:
    low, high = (signed(end, plus=True) for end in comparison.interval_95)
    return (
        f"{signed(comparison.difference, plus=True)}, 95 % interval [{low}, {high}], "
        f"p = {comparison.p_value:.3f}: {comparison.verdict}"
    )


def _details(family: PaperAndOurs, paper: TableRow, ours: TableRow) -> list[tuple[str, str]]:
    lines = []
    if paper.paper:
        lines.append(("In the paper", about_paper(family, paper).split(": ", 1)[1]))
    lines.append(("Sizes here", all_sizes(ours.sizes) + f"; {ours.sizes.parameters:,} parameters"))
    if not ours.measured:
        return [*lines, ("Training", NOT_TRAINED)]
    return [*lines, *_measured(family, paper, ours, ours.measured)]


def _measured(
    family: PaperAndOurs, paper: TableRow, ours: TableRow, measured: VariantScores
) -> list[tuple[str, str]]:
    lines = [("Training", how_trained(ours, measured))]
    for name in QUALITIES:
        text = JUDGED[name][0]
        lines.append((f"{NAMES[name]}, {text}", _score(measured.scores[text][name], name)))
        comparison = comparison_of(ours, name)
        if comparison:
            lines.append((f"{NAMES[name]} minus base", _beside(family, paper, name, comparison)))
    lines += [
        ("Training speed", f"{measured.training_tokens_per_s:,.0f} tokens/s"),
        ("Decoding speed", f"{measured.decoding_tokens_per_s:,.0f} tokens/s"),
        ("Trained on", measured.hardware),
    ]
    if measured.weights_sha256:
        lines.append(("Weights (SHA-256)", measured.weights_sha256[:12]))
    return lines


def _beside(
    family: PaperAndOurs, paper: TableRow, name: Quality, comparison: DifferenceToBase
) -> str:
    there = _paper_difference(family, paper, name)
    if there is None:
        return _compared(comparison)
    moves = moves_as_in_the_paper(there, comparison)
    beside = "" if moves == comparison.verdict else f": {moves}"
    digits = 2 if name == "perplexity" else 1
    return f"{_compared(comparison)} (the paper: {signed(there, digits, plus=True)}{beside})"
