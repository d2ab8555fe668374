"""Tables as aligned text, Markdown, CSV and LaTeX; the first line of each is its header."""

import csv
import io
import re
from collections.abc import Sequence

Cells = tuple[str, ...]

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "ε": r"$\varepsilon$", "α": r"$\alpha$", "Δ": r"$\Delta$", "−": "$-$", "×": r"$\times$",
    "→": r"$\to$", "√": r"$\surd$", "‖": r"$\Vert$", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
}  # fmt: skip
"""Characters that LaTeX reads as something else, or that its text fonts lack."""
_NUMBER = re.compile(r"[<~≈]? ?[-−+]?[\d.,]*\d")
_POWER = re.compile(r"([-−]?[\d.]+)e([-+]?\d+)")


def aligned(lines: Sequence[Cells]) -> str:
    """Columns of text, right-aligned except the first."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    drawn = []
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        drawn.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(drawn)


def markdown_table(lines: Sequence[Cells]) -> str:
    header, *rows = lines
    ruled = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in ruled)


def csv_table(lines: Sequence[Cells]) -> str:
    """Comma-separated values as RFC 4180 has them, but for the line breaks, which are plain ones."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(lines)
    return written.getvalue()


def latex_table(
    lines: Sequence[Cells], *, flush: str = "", caption: str = "", label: str = ""
) -> str:
    """A `tabular` with the rules of the package booktabs; texts appear as they are here.

    Args:
        flush: `l` or `r` for each column; without it, columns in which at least half of the cells
            begin with a number are flush right, the others left.
        caption: with one, the tabular stands in a floating `table` under it.
        label: what `\\ref` calls that table.
    """
    header, *rows = ([_latex(cell) for cell in line] for line in lines)
    columns = flush or "".join(map(_flush, zip(*lines[1:], strict=True))) or "l" * len(header)
    body = "".join(f"{' & '.join(row)} \\\\\n" for row in rows)
    needs = "% needs \\usepackage{booktabs}\n"
    tabular = (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
        f"{' & '.join(header)} \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"
    )
    if not caption:
        return needs + tabular
    named = f"\\label{{{label}}}\n" if label else ""
    return (
        f"{needs}\\begin{{table}}\n\\centering\n\\caption{{{_latex(caption)}}}\n{named}"
        f"{tabular}\\end{{table}}\n"
    )


def _flush(column: Cells) -> str:
    n_numbers = sum(bool(_NUMBER.match(cell)) for cell in column)
    return "r" if 2 * n_numbers >= sum(map(bool, column)) > 0 else "l"


def _latex(text: str) -> str:
    power = _POWER.fullmatch(text)
    if power:
        return rf"${power[1].replace('−', '-')} \times 10^{{{int(power[2])}}}$"
    with_minus = re.sub(r"(?<![\w.])-(?=[\d.])", "−", text)
    return "".join(_LATEX.get(character, character) for character in with_minus)
