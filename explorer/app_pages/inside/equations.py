"""The paper's equation of multi-head attention in the colours of the pictures."""

from explorer.figures.colours import ROLES

_FIRST, _LAST, _EACH = (
    rf"\textcolor{{{ROLES['attention'].mark}}}{{\mathrm{{head}}_{i}}}" for i in "1hi"
)

MULTI_HEAD = (
    rf"\begin{{aligned}}&\mathrm{{Concat}}({_FIRST}, \dots, {_LAST})\,W^O \\"
    rf"&\quad = \sum_{{i=1}}^{{h}} {_EACH}\,W^O_i\end{{aligned}}"
)
"""Section 3.2.2, as a sum: W^O_i are the d_v rows of W^O that belong to head i."""


def style() -> str:
    """CSS: a lighter shade of the colour on a dark background, and no scroll bar for equations."""
    role = ROLES["attention"]
    rgb = ", ".join(str(number) for number in bytes.fromhex(role.mark[1:]))
    return (
        ".katex-display {overflow: visible !important; font-size: min(1em, 4.2vw)}\n"
        f'.katex [style*="rgb({rgb})"] '
        f"{{color: light-dark({role.on_light}, {role.on_dark}) !important}}"
    )
