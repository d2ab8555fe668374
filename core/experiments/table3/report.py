"""The table of `core.experiments.table3.table` as text, Markdown, a summary, CSV, LaTeX or JSON."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from core.experiments.table3.rows import TEST, VALIDATION
from core.experiments.table3.table import (
    LET_THROUGH,
    SCORES,
    TEXTS,
    DifferenceToBase,
    IntervalScore,
    Sizes,
    Table,
    TableRow,
    VariantScores,
)
from core.system.files import write_json
from core.system.text_tables import Cells, aligned, csv_table, latex_table, markdown_table

Format = Literal["text", "markdown", "short", "csv", "latex", "json"]
"""`short` is one table in Markdown: what each variant changes, and its scores beside base's; `latex`
is the same for print. `csv` has every number, one line a variant."""

NOT_TRAINED = "not trained yet"
NAMES = {"perplexity": "PPL", "bleu": "BLEU", "bleu_lc": "BLEU lowercased"}
DIGITS = {"perplexity": 2, "bleu": 1, "bleu_lc": 1}
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
    "n_fixed_heads": ("fixed h", lambda sizes: str(sizes.n_fixed_heads)),
}
"""Field of `Sizes` -> the paper's name for it, and a function that writes its value."""


@dataclass(frozen=True, slots=True)
class Section:
    """A title and a table below it; the first line is the header."""

    title: str
    lines: tuple[Cells, ...]


def report(table: Table, format_: Format) -> str:
    """The whole table, untrained variants included, without a final line break."""
    if format_ == "json":
        return write_json(table.to_json()).rstrip("\n")
    if format_ == "short":
        return markdown_table([SHORT_HEADER, *_short_rows(table)])
    if format_ == "latex":
        return latex_table(
            [SHORT_HEADER, *_short_rows(table)], flush="ll" + "r" * (len(SHORT_HEADER) - 2)
        ).rstrip("\n")
    if format_ == "csv":
        return csv_table(_every_number(table)).rstrip("\n")
    draw = _text if format_ == "text" else _markdown
    return "\n\n".join([*(draw(section) for section in sections(table)), *_notes(table)])


def all_sizes(sizes: Sizes) -> str:
    return ", ".join(f"{name} = {text(sizes)}" for name, text in SIZES.values())


def trained_with(sizes: Sizes, base: Sizes) -> str:
    """What a variant changes, in words: the sizes that differ from base."""
    changed = [
        f"{name} = {text(sizes)}"
        for field, (name, text) in SIZES.items()
        if getattr(sizes, field) != getattr(base, field)
    ]
    return ", ".join(changed) or "the sizes of base"


def sections(table: Table) -> list[Section]:
    """The paper's numbers beside ours; then all other measurements of the trained variants."""
    n = len(table.rows)
    trained = [(row, row.measured) for row in table.rows if row.measured]
    overview = Section(
        f"Table 3 at width {table.width} and depth {table.depth}, {table.vocabulary_size:,} pieces: "
        f"{len(trained)} of {n} rows trained",
        (OVERVIEW_HEADER, *((row.name, *_overview(row)) for row in table.rows)),
    )
    details: list[tuple[str, Cells, Callable[[VariantScores], Cells]]] = [
        ("Scores with 95 % intervals", SCORES_HEADER, _scores),
        ("Difference to base", BASE_HEADER, _against_base),
        ("Training and speed", TRAINING_HEADER, _training),
    ]
    beside = tuple(_beside_paper(table))
    return [
        overview,
        *(
            Section(title, (header, *((row.name, *cells(measured)) for row, measured in trained)))
            for title, header, cells in details
            if trained
        ),
        *([Section("Does a row move as in the paper?", (PAPER_HEADER, *beside))] if beside else []),
    ]


def _text(section: Section) -> str:
    return f"{section.title}\n\n{aligned(section.lines)}"


def _markdown(section: Section) -> str:
    return f"### {section.title}\n\n{markdown_table(section.lines)}"


OVERVIEW_HEADER = (
    "row", *(name for name, _ in SIZES.values()), "M parameters", "paper M parameters",
    "paper PPL", f"PPL {VALIDATION}", "paper BLEU", f"BLEU {TEST}",
)  # fmt: skip


def _overview(row: TableRow) -> Cells:
    sizes, paper = row.sizes, row.paper
    millions = paper.parameters_millions if paper else None
    measured = row.measured
    return (
        *(text(sizes) for _, text in SIZES.values()),
        f"{sizes.parameters / 1e6:.2f}",
        f"{millions:g}" if millions else "",
        f"{paper.perplexity:.2f}" if paper else "",
        f"{measured.scores[VALIDATION]['perplexity'].value:.2f}" if measured else NOT_TRAINED,
        f"{paper.bleu:.1f}" if paper else "",
        f"{measured.scores[TEST]['bleu'].value:.1f}" if measured else "",
    )


SHORT_HEADER = (
    "row", "sizes", "M parameters",
    "paper PPL", f"PPL {VALIDATION}", "to base", "paper BLEU", f"BLEU {TEST}", "to base",
)  # fmt: skip


def _short_rows(table: Table) -> list[Cells]:
    base = next(row for row in table.rows if row.name == "base")
    return [_short(row, base) for row in table.rows]


def _short(row: TableRow, base: TableRow) -> Cells:
    paper = row.paper
    return (
        row.name,
        all_sizes(row.sizes) if row is base else _what_makes(row, base),
        f"{row.sizes.parameters / 1e6:.2f}",
        f"{paper.perplexity:.2f}" if paper else "",
        *_short_score(row.measured, VALIDATION, "perplexity"),
        f"{paper.bleu:.1f}" if paper else "",
        *_short_score(row.measured, TEST, "bleu"),
    )


def _what_makes(row: TableRow, base: TableRow) -> str:
    if row.seed != base.seed:
        return f"seed {row.seed}"
    return trained_with(row.sizes, base.sizes)


def _short_score(measured: VariantScores | None, text: str, name: str) -> Cells:
    """A score, and its difference to base's."""
    if measured is None:
        return NOT_TRAINED, ""
    score = _score(measured.scores[text][name], name)
    if not measured.against_base:
        return score, ""
    against = measured.against_base[text][name]
    return score, f"{against.difference:+.{DIGITS[name]}f}, {against.verdict}"


SCORES_HEADER = ("row", *(f"{NAMES[score]} {text}" for text in TEXTS for score in SCORES))


def _scores(measured: VariantScores) -> Cells:
    return tuple(_score(measured.scores[text][name], name) for text in TEXTS for name in SCORES)


COMPARED = tuple((text, score) for text in TEXTS for score in ("perplexity", "bleu"))
BASE_HEADER = ("row", *(f"{NAMES[score]} {text}" for text, score in COMPARED))


def _against_base(measured: VariantScores) -> Cells:
    against = measured.against_base
    return tuple(_comparison(against[text][score]) if against else "" for text, score in COMPARED)


TRAINING_HEADER = (
    "row", "steps", "best step", "M tokens seen", "training tokens/s", "decoding tokens/s",
    f"final PPL {VALIDATION}", f"final BLEU {TEST}",
)  # fmt: skip


def _training(measured: VariantScores) -> Cells:
    return (
        f"{measured.steps:,}",
        f"{measured.best_step:,}",
        f"{measured.tokens_seen / 1e6:.2f}",
        f"{measured.training_tokens_per_s:,.0f}",
        f"{measured.decoding_tokens_per_s:,.0f}",
        _score(measured.final_scores[VALIDATION]["perplexity"], "perplexity"),
        _score(measured.final_scores[TEST]["bleu"], "bleu"),
    )


PAPER_HEADER = (
    "row", "paper ΔPPL", f"ΔPPL {VALIDATION}", "moves",
    "paper ΔBLEU", f"ΔBLEU {TEST}", "moves",
)  # fmt: skip


def _beside_paper(table: Table) -> Iterator[Cells]:
    """Differences to base, the paper's beside ours, for variants that have both."""
    base = next(row.paper for row in table.rows if row.name == "base")
    assert base
    for row in table.rows:
        if row.paper and row.measured and row.measured.against_base:
            against = row.measured.against_base
            perplexity, bleu = against[VALIDATION]["perplexity"], against[TEST]["bleu"]
            paper_perplexity = round(row.paper.perplexity - base.perplexity, 2)
            paper_bleu = round(row.paper.bleu - base.bleu, 1)
            yield (
                row.name,
                f"{paper_perplexity:+.2f}",
                f"{perplexity.difference:+.2f}",
                moves_as_in_the_paper(paper_perplexity, perplexity),
                f"{paper_bleu:+.1f}",
                f"{bleu.difference:+.1f}",
                moves_as_in_the_paper(paper_bleu, bleu),
            )


def moves_as_in_the_paper(in_paper: float, here: DifferenceToBase) -> str:
    """Whether a score moves in the paper's direction, if its interval here excludes zero."""
    if here.verdict not in {"higher", "lower"}:
        return here.verdict
    if in_paper == 0:
        return f"{here.verdict}; in the paper it stays"
    return "as in the paper" if (in_paper > 0) == (here.verdict == "higher") else "the other way"


def _every_number(table: Table) -> list[Cells]:
    """Every number of every variant under a name of its own, unrounded; empty where there is none."""
    named = [_numbers(row) for row in table.rows]
    header = tuple(dict.fromkeys(name for row in named for name in row))
    return [header, *(tuple(row.get(name, "") for name in header) for row in named)]


def _numbers(row: TableRow) -> dict[str, str]:
    sizes = dataclasses.asdict(row.sizes)
    paper = dataclasses.asdict(row.paper) if row.paper else {}
    found: dict[str, Any] = {"row": row.name, "seed": row.seed, **sizes}
    found |= {f"paper_{name}": value for name, value in paper.items()}
    if row.measured:
        found |= _measured_numbers(row.measured)
    return {name: "" if value is None else str(value) for name, value in found.items()}


def _measured_numbers(measured: VariantScores) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in TEXTS:
        for name in SCORES:
            score = measured.scores[text][name]
            key = f"{name}_{text}"
            found |= {key: score.value, **_ends(key, score.interval_95)}
            if measured.against_base:
                against = measured.against_base[text][name]
                found |= {
                    f"{key}_minus_base": against.difference,
                    **_ends(f"{key}_minus_base", against.interval_95),
                    f"{key}_p_value": against.p_value,
                    f"{key}_verdict": against.verdict,
                }
    for field in ("steps", "best_step", "tokens_seen", "training_tokens_per_s",
                  "decoding_tokens_per_s", "hardware", "weights_sha256"):  # fmt: skip
        found[field] = getattr(measured, field)
    return found


def _ends(key: str, interval_95: tuple[float, float]) -> dict[str, float]:
    return {f"{key}_low": interval_95[0], f"{key}_high": interval_95[1]}


def _score(score: IntervalScore, name: str) -> str:
    digits = DIGITS[name]
    low, high = score.interval_95
    return f"{score.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _comparison(comparison: DifferenceToBase) -> str:
    low, high = comparison.interval_95
    return (
        f"{comparison.difference:+.2f} [{low:+.2f}, {high:+.2f}] p {comparison.p_value:.3f} "
        f"{comparison.verdict}"
    )


def _notes(table: Table) -> list[str]:
    """What a number in the table needs to be read."""
    spread = "; ".join(
        f"{NAMES[name]} {value:.2f} on {text}"
        for text, scores in table.seed_spread.items()
        for name, value in scores.items()
    )
    return [
        "The paper: perplexity and BLEU on newstest2013 of models trained on WMT 2014. Ours: "
        "Multi30k image captions. Levels cannot be compared, differences between rows can.",
        f"Spread of the three seeds of base: {spread or 'not known yet'}. A difference to base that "
        'is no larger, or whose 95 % interval includes zero, says "no difference shown".',
        "Three seeds tell a spread roughly: of rows that differ from base in their random numbers "
        f"alone, {LET_THROUGH} would still exceed it.",
        f"Speeds: {table.speeds}.",
        "The paper prints one model a row and no interval, so even where a row moves as in the paper, "
        "the paper's own move may be chance.",
    ]
