"""The table of `core.table3`, for people: as text, as Markdown, or as the JSON it is stored in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from core.config import write_json
from core.table3 import (
    LET_THROUGH,
    SCORES,
    TEST,
    TEXTS,
    VALIDATION,
    Comparison,
    Measured,
    Score,
    Table,
    TableRow,
)

Format = Literal["text", "markdown", "json"]

NOT_TRAINED = "not trained yet"
NAMES = {"perplexity": "PPL", "bleu": "BLEU", "bleu_lc": "BLEU lowercased"}

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A title and a table below it; the first line is the header."""

    title: str
    lines: tuple[Cells, ...]


def report(table: Table, format_: Format) -> str:
    """The whole table, rows not trained yet included, without a last line break."""
    if format_ == "json":
        return write_json(table.to_json()).rstrip("\n")
    draw = _text if format_ == "text" else _markdown
    return "\n\n".join([*(draw(section) for section in sections(table)), *_notes(table)])


def sections(table: Table) -> list[Section]:
    """The paper's numbers beside ours; then, of rows that are trained, everything else."""
    n = len(table.rows)
    trained = [(row, row.measured) for row in table.rows if row.measured]
    overview = Section(
        f"Table 3 at width {table.width} and depth {table.depth}, {table.vocabulary_size:,} pieces: "
        f"{len(trained)} of {n} rows trained",
        (OVERVIEW_HEADER, *((row.name, *_overview(row)) for row in table.rows)),
    )
    details: list[tuple[str, Cells, Callable[[Measured], Cells]]] = [
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


def aligned(lines: Sequence[Cells]) -> str:
    """Columns of text, flush right but for the first."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    drawn = []
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        drawn.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(drawn)


def _text(section: Section) -> str:
    return f"{section.title}\n\n{aligned(section.lines)}"


def _markdown(section: Section) -> str:
    header, *rows = section.lines
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join([f"### {section.title}", "", *(f"| {' | '.join(line)} |" for line in lines)])


OVERVIEW_HEADER = (
    "row", "N", "d_model", "d_ff", "h", "d_k", "d_v", "P_drop", "ε_ls", "positions", "M parameters",
    "paper M parameters", "paper PPL", f"PPL {VALIDATION}", "paper BLEU", f"BLEU {TEST}",
)  # fmt: skip


def _overview(row: TableRow) -> Cells:
    sizes, paper = row.sizes, row.paper
    millions = paper.parameters_millions if paper else None
    measured = row.measured
    return (
        *(str(n) for n in (sizes.n_layers, sizes.d_model, sizes.d_ff, sizes.n_heads, sizes.d_k)),
        str(sizes.d_v),
        f"{sizes.p_dropout:g}",
        f"{sizes.label_smoothing:g}",
        sizes.positions,
        f"{sizes.parameters / 1e6:.2f}",
        f"{millions:g}" if millions else "",
        f"{paper.perplexity:.2f}" if paper else "",
        f"{measured.scores[VALIDATION]['perplexity'].value:.2f}" if measured else NOT_TRAINED,
        f"{paper.bleu:.1f}" if paper else "",
        f"{measured.scores[TEST]['bleu'].value:.1f}" if measured else "",
    )


SCORES_HEADER = ("row", *(f"{NAMES[score]} {text}" for text in TEXTS for score in SCORES))


def _scores(measured: Measured) -> Cells:
    return tuple(_score(measured.scores[text][name], name) for text in TEXTS for name in SCORES)


COMPARED = tuple((text, score) for text in TEXTS for score in ("perplexity", "bleu"))
BASE_HEADER = ("row", *(f"{NAMES[score]} {text}" for text, score in COMPARED))


def _against_base(measured: Measured) -> Cells:
    against = measured.against_base
    return tuple(_comparison(against[text][score]) if against else "" for text, score in COMPARED)


TRAINING_HEADER = (
    "row", "steps", "best step", "M tokens seen", "training tokens/s", "decoding tokens/s",
    f"final PPL {VALIDATION}", f"final BLEU {TEST}",
)  # fmt: skip


def _training(measured: Measured) -> Cells:
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
    """Differences to base, the paper's and ours, of rows that have both."""
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
                _moves(paper_perplexity, perplexity),
                f"{paper_bleu:+.1f}",
                f"{bleu.difference:+.1f}",
                _moves(paper_bleu, bleu),
            )


def _moves(in_paper: float, here: Comparison) -> str:
    """Whether a score moves as in the paper, where it is shown to move here."""
    if here.verdict not in {"higher", "lower"}:
        return here.verdict
    if in_paper == 0:
        return f"{here.verdict}; in the paper it stays"
    return "as in the paper" if (in_paper > 0) == (here.verdict == "higher") else "the other way"


def _score(score: Score, name: str) -> str:
    digits = 2 if name == "perplexity" else 1
    low, high = score.interval_95
    return f"{score.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _comparison(comparison: Comparison) -> str:
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
