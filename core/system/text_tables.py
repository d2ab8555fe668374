"""Tables as aligned text and as Markdown."""

from collections.abc import Sequence

Cells = tuple[str, ...]


def aligned(lines: Sequence[Cells]) -> str:
    """Columns of text, right-aligned except the first."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    drawn = []
    for first, *rest in lines:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        drawn.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(drawn)


def markdown_table(lines: Sequence[Cells]) -> str:
    """A table in Markdown; the first line is its header."""
    header, *rows = lines
    ruled = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in ruled)
