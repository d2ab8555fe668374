"""The paper's equations in the colours of the pictures beside them."""

from explorer.figures.colours import ROLES


def _coloured(role: str, tex: str) -> str:
    return rf"\textcolor{{{ROLES[role].mark}}}{{{tex}}}"


_Q, _K, _V = _coloured("query", "Q"), _coloured("key", "K"), _coloured("value", "V")
_SOFTMAX = _coloured("attention", r"\mathrm{softmax}")
_FIRST, _LAST, _EACH = (_coloured("attention", rf"\mathrm{{head}}_{i}") for i in "1hi")

ATTENTION = (
    rf"\mathrm{{Attention}}({_Q}, {_K}, {_V}) = "
    rf"{_SOFTMAX}\!\left(\frac{{{_Q}{_K}^\top}}{{\sqrt{{d_k}}}}\right){_V}"
)
"""Equation 1, section 3.2.1."""

MULTI_HEAD = (
    rf"\begin{{aligned}}&\mathrm{{Concat}}({_FIRST}, \dots, {_LAST})\,W^O \\"
    rf"&\quad = \sum_{{i=1}}^{{h}} {_EACH}\,W^O_i\end{{aligned}}"
)
"""Section 3.2.2, as a sum: W^O_i are the d_v rows of W^O that belong to head i."""


def style() -> str:
    """CSS: lighter shades of the colours on a dark background, and no scroll bar for equations."""
    rules = [".katex-display {overflow: visible !important; font-size: min(1em, 4.2vw)}"]
    for role in ROLES.values():
        rgb = ", ".join(str(number) for number in bytes.fromhex(role.mark[1:]))
        rules.append(
            f'.katex [style*="rgb({rgb})"] '
            f"{{color: light-dark({role.on_light}, {role.on_dark}) !important}}"
        )
    return "\n".join(rules)
