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
    "→": r"$\to$", "√": r"$\surd$",
}  # fmt: skip
"""Characters that LaTeX reads as something else, or that its text fonts lack."""


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


def latex_table(lines: Sequence[Cells]) -> str:
    """A `tabular` with the rules of the package booktabs; texts appear as they are here."""
    header, *rows = ([_latex(cell) for cell in line] for line in lines)
    columns = "l" + "r" * (len(header) - 1)
    body = "".join(f"{' & '.join(row)} \\\\\n" for row in rows)
    return (
        f"% needs \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
        f"{' & '.join(header)} \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"
    )


def _latex(text: str) -> str:
    with_minus = re.sub(r"(?<![\w.])-(?=[\d.])", "−", text)
    return "".join(_LATEX.get(character, character) for character in with_minus)
