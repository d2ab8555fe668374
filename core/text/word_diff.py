"""A word-by-word difference between two texts."""

import difflib
from dataclasses import dataclass
from typing import Literal
from unicodedata import category


@dataclass(frozen=True, slots=True)
class DiffRun:
    """Neighbouring words that were all kept, all removed or all added."""

    change: Literal["same", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> tuple[DiffRun, ...]:
    """How one text became another, word by word; what was removed stands before what was added.

    Punctuation beside a word makes no other word of it: "Strand." is kept where "Strand" stands
    after. The runs that are not `removed` make the second text; those that are not `added` the
    first, but for such punctuation.
    """
    old, new = before.split(), after.split()
    matcher = difflib.SequenceMatcher(
        None, list(map(bare, old)), list(map(bare, new)), autojunk=False
    )
    runs: list[DiffRun] = []
    for tag, first, end, new_first, new_end in matcher.get_opcodes():
        if tag == "equal":
            runs.append(DiffRun("same", " ".join(new[new_first:new_end])))
            continue
        if first < end:
            runs.append(DiffRun("removed", " ".join(old[first:end])))
        if new_first < new_end:
            runs.append(DiffRun("added", " ".join(new[new_first:new_end])))
    return tuple(runs)


def bare(word: str) -> str:
    """A word without the punctuation beside it; punctuation alone stays."""
    inner = [place for place, character in enumerate(word) if category(character)[0] != "P"]
    return word[inner[0] : inner[-1] + 1] if inner else word
