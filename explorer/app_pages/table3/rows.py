"""The variants of Table 3: their parts, and what a difference to base means."""

from collections.abc import Sequence

from core.experiments.table3.report import NOT_TRAINED, all_sizes
from core.experiments.table3.rows import TEST, VALIDATION
from core.experiments.table3.table import DifferenceToBase, TableRow, VariantScores
from explorer.app_pages.table3.fields import Quality
from explorer.components.table3.component import Judgement
from explorer.engine.table3 import PaperAndOurs

BASE = "base"
GROUPS = {
    "base": "Base",
    "A": "(A) Number of heads",
    "B": "(B) Size of keys",
    "C": "(C) Size of the model",
    "D": "(D) Dropout and label smoothing",
    "E": "(E) Positions",
    "big": "Big",
    "ours": "Only here",
}
"""The parts of the paper's table, and rows of our own."""
JUDGED: dict[Quality, tuple[str, str]] = {
    "perplexity": (VALIDATION, "higher"),
    "bleu": (TEST, "lower"),
}
"""The text on which a score is compared with base, and the verdict that means worse."""
NAMES: dict[Quality, str] = {"perplexity": "Perplexity", "bleu": "BLEU"}


def group_of(row: TableRow) -> str:
    """The part of the table to which a variant belongs."""
    return GROUPS[row.name.split("-")[0]] if row.paper else GROUPS["ours"]


def row_named(rows: Sequence[TableRow], name: str) -> TableRow:
    return next(row for row in rows if row.name == name)


def about_paper(family: PaperAndOurs, row: TableRow) -> str:
    """Say which model a number of the paper belongs to."""
    return (
        f"{row.name} in the paper: {all_sizes(row.sizes)}; trained on WMT 2014 for "
        f"{family.paper_steps[row.name]:,} steps; scores on newstest2013"
    )


def about_ours(row: TableRow) -> str:
    """Say which model a number of ours belongs to, and how it was trained."""
    start = f"{row.name} here: {all_sizes(row.sizes)}; "
    if not row.measured:
        return f"{start}{NOT_TRAINED}"
    return f"{start}{how_trained(row, row.measured)}"


def how_trained(row: TableRow, measured: VariantScores) -> str:
    return (
        f"trained on Multi30k for {measured.steps:,} steps, {measured.tokens_seen / 1e6:.1f} million "
        f"tokens, seed {row.seed}; weights of step {measured.best_step:,}, the best on {VALIDATION}"
    )


def judgement(comparison: DifferenceToBase, name: Quality) -> Judgement:
    """What a verdict means: a higher perplexity is worse, a higher BLEU better."""
    if comparison.verdict == "not judged yet":
        return "unjudged"
    if comparison.verdict == "no difference shown":
        return "same"
    return "worse" if comparison.verdict == JUDGED[name][1] else "better"
