"""What a second attempt changed, as one line of HTML; and a sum with its carries."""

import html
from collections.abc import Sequence

from core.evaluation.edits import Edit
from core.text.addition import N_DIGITS, carries
from explorer.figures.axes import signed
from explorer.figures.invisible import visible

STYLE = """<style>
.edits { display: grid; gap: 0.4rem; }
.edits > small { font-size: 0.875rem; }
.ribbon { display: flex; flex-wrap: wrap; gap: 0.25rem 0.4rem; align-items: baseline; font-size: 1.05rem; }
.ribbon .edit { display: inline-flex; gap: 0.3rem; align-items: baseline; padding: 0 0.35rem;
  border: 1px solid currentColor; border-radius: 5px; }
.ribbon .edit.helped { border-width: 2px; border-color: light-dark(#147a43, #4cc38a); }
.ribbon .edit.harmed { border-width: 2px; border-color: light-dark(#c71414, #ff7b72); }
.ribbon .edit small { font-size: 0.8rem; white-space: nowrap; }
.ribbon del { opacity: 0.85; }
.ribbon ins { text-decoration: none; font-weight: 600; }
.sum { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 1.05rem; }
.sum th { font-weight: 400; font-size: 0.875rem; text-align: left; padding-right: 1rem; }
.sum td { text-align: right; padding: 0 0.4rem; border: 0; }
.sum tr.result td { border-top: 1px solid currentColor; }
.sum td.wrong { outline: 2px solid light-dark(#c71414, #ff7b72); outline-offset: -2px; border-radius: 4px; }
</style>"""
LEAST_GAIN = 0.0005
"""Changes of the reward below this are none."""
NUMBERS = ("first number", "+ second number")
SIGNS = {"helped": "▲", "harmed": "▼", "neutral": "="}


def effect(edit: Edit) -> str:
    """`helped`, `harmed` or `neutral`; `unknown` without a reference."""
    if edit.gain is None:
        return "unknown"
    if abs(edit.gain) < LEAST_GAIN:
        return "neutral"
    return "helped" if edit.gain > 0 else "harmed"


def ribbon(
    edits: Sequence[Edit], *, title: str, judged: str = "", note: str = "", is_exact: bool = False
) -> str:
    """The draft and what became of it: kept, replaced, put in, left out.

    Args:
        title, judged, note: above and below it.
        is_exact: whether attempts are right or wrong, so that a gain is no number of points.
    """
    parts = "".join(_part(edit, is_exact=is_exact) for edit in edits)
    return (
        f'{STYLE}<div class="edits"><div><b>{html.escape(title)}</b>{html.escape(judged)}</div>'
        f'<div class="ribbon" dir="auto">{parts}</div><small>{html.escape(note)}</small></div>'
    )


def _part(edit: Edit, *, is_exact: bool) -> str:
    if edit.is_kept:
        return f"<span>{_said(edit.after)}</span>"
    old = f"<del>{_said(edit.before)}</del>" if edit.before else ""
    new = f"<ins>{_said(edit.after)}</ins>" if edit.after else ""
    kind = effect(edit)
    gain = "" if edit.gain is None or is_exact else f" {points(edit.gain)}"
    sign = f"<small>{SIGNS[kind]}{gain}</small>" if kind in SIGNS else ""
    return f'<span class="edit {kind}">{old}{" → " if old and new else ""}{new}{sign}</span>'


def points(gain: float) -> str:
    """A difference of rewards in points of 100."""
    return signed(gain * 100, 1, plus=True)


def _said(text: str) -> str:
    return html.escape(visible(text))


def sum_in_columns(
    numbers: tuple[int, int], attempts: Sequence[tuple[str, str]], names: tuple[str, str]
) -> str:
    """A written addition: carries, both numbers, the result, and each attempt below its places.

    Args:
        attempts: name and text of each; a digit that is not the result's is framed.
        names: of the row of carries, and of the row of the result.
    """
    result = str(sum(numbers))
    width = max(N_DIGITS + 1, *(len(text) for _, text in attempts))
    carried = ["1" if carry else "" for carry in reversed(carries(*numbers))]
    expected = _cells(result, width)
    rows = [
        _row(names[0], [*[""] * (width - len(carried)), *carried]),
        *(
            _row(name, _cells(str(number), width))
            for name, number in zip(NUMBERS, numbers, strict=True)
        ),
        _row(names[1], expected, "result"),
        *(_row(name, _cells(text, width), expected=expected) for name, text in attempts),
    ]
    return f'{STYLE}<table class="sum">{"".join(rows)}</table>'


def _cells(text: str, width: int) -> list[str]:
    """A text's characters, the last at the right."""
    return [*[""] * (width - len(text)), *text]


def _row(name: str, cells: Sequence[str], kind: str = "", expected: Sequence[str] = ()) -> str:
    drawn = "".join(
        f"<td{_mark(is_right=cell == wanted)}>{html.escape(visible(cell))}</td>"
        for cell, wanted in zip(cells, expected or cells, strict=True)
    )
    return f'<tr class="{kind}"><th scope="row">{html.escape(name)}</th>{drawn}</tr>'


def _mark(*, is_right: bool) -> str:
    return "" if is_right else ' class="wrong"'
