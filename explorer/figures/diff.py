"""Two texts in one line: what was taken out struck through, what came in underlined."""

import html
from collections.abc import Iterable

ELEMENTS = {"same": "span", "removed": "del", "added": "ins"}

STYLE = """<style>
.diff { font-size: 1.05rem; overflow-wrap: anywhere; }
.diff del { background: rgba(213, 94, 0, 0.22); text-decoration: line-through; }
.diff ins { background: rgba(0, 114, 178, 0.22); text-decoration: underline; }
.diff del, .diff ins { border-radius: 3px; padding: 0 2px; }
</style>"""
"""Colours for both backgrounds; whoever cannot tell them apart sees the lines."""


def diff_html(runs: Iterable[tuple[str, str]]) -> str:
    """Runs of words as HTML; texts appear as typed.

    Args:
        runs: change (`same`, `removed`, `added`) and text, in reading order.
    """
    parts = [
        f'<{ELEMENTS[change]} dir="auto">{html.escape(text)}</{ELEMENTS[change]}>'
        for change, text in runs
    ]
    return f'{STYLE}<div class="diff" dir="auto">{" ".join(parts) or "(nothing)"}</div>'
