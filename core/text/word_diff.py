"""A word-by-word difference between two texts."""

import difflib
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class DiffRun:
    """Neighbouring words that were all kept, all removed or all added."""

    change: Literal["same", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> tuple[DiffRun, ...]:
    """How one text became another, word by word; what was removed stands before what was added.

    The runs that are not `added` make the first text, those that are not `removed` the second.
    """
    old, new = before.split(), after.split()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    runs: list[DiffRun] = []
    for tag, first, end, new_first, new_end in matcher.get_opcodes():
        if tag == "equal":
            runs.append(DiffRun("same", " ".join(old[first:end])))
            continue
        if first < end:
            runs.append(DiffRun("removed", " ".join(old[first:end])))
        if new_first < new_end:
            runs.append(DiffRun("added", " ".join(new[new_first:new_end])))
    return tuple(runs)
