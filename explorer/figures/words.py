"""Words as HTML: in a row with differences marked, or above their positions."""

import html
from collections.abc import Sequence

from explorer.figures.colours import MARK

MOST_WORDS = 60
"""A strip of words ends after so many."""

_MARKED = (
    f"background:color-mix(in srgb,{MARK} 30%,transparent);color:inherit;"
    "border-bottom:2px dashed currentColor;border-radius:3px;padding:0 2px"
)
_WORD = (
    "display:inline-flex;flex-direction:column;align-items:center;padding:2px 8px;"
    "border-radius:6px;background:color-mix(in srgb,currentColor 6%,transparent)"
)
_NUMBER = "font-size:0.8rem;font-variant-numeric:tabular-nums;white-space:nowrap"
_LINE = "display:flex;flex-wrap:wrap;gap:4px;align-items:center"
_STRIP = "display:flex;flex-wrap:wrap;gap:4px;margin:0;padding:0;list-style:none"


def marked_words(runs: Sequence[tuple[str, bool]]) -> str:
    """Words in a row, some of them marked.

    Args:
        runs: words, and whether they are marked; a space goes between them.
    """
    parts = [
        f'<mark style="{_MARKED}">{html.escape(text)}</mark>' if marked else html.escape(text)
        for text, marked in runs
    ]
    return f'<div dir="auto" style="font-size:1.15rem;line-height:1.7;overflow-wrap:anywhere">{" ".join(parts)}</div>'


def position_strip(title: str, words: Sequence[str], moved: Sequence[int | None]) -> str:
    """Each word above its position before and after a change; None: no position is added.

    Raises:
        ValueError: if there is not one position a word.
    """
    items = [
        f'<li style="{_WORD}"><span dir="auto">{html.escape(word)}</span>'
        f'<span style="{_NUMBER}">{_place(position, there)}</span></li>'
        for position, (word, there) in enumerate(zip(words, moved, strict=True))
    ]
    if len(items) > MOST_WORDS:
        items[MOST_WORDS:] = [f"<li>and {len(items) - MOST_WORDS} more</li>"]
    name = html.escape(title)
    return (
        f'<div style="{_LINE}"><span style="width:10.5rem">{name}</span>'
        f'<ol aria-label="{name}" style="{_STRIP}">{"".join(items)}</ol></div>'
    )


def _place(position: int, there: int | None) -> str:
    if there == position:
        return str(position)
    changed = "none" if there is None else there
    return f"<s>{position}</s> → <b>{changed}</b>"
