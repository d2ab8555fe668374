"""Gold word alignments (Och & Ney 2003): links that people drew between the words of a pair.

A file has one line a sentence pair: `i-j` for a sure link of source word i and target word j, `ipj`
for a possible one, words counted from 1 (the RWTH and Hansards sets).
"""

import re
from dataclasses import dataclass
from pathlib import Path

from core.text.parallel import DataError, read_lines

WordPair = tuple[int, int]
"""Source word, target word; they count from 0."""


@dataclass(frozen=True, slots=True)
class GoldAlignment:
    sure: frozenset[WordPair]
    possible: frozenset[WordPair]  # holds the sure links too


def read_gold(file: Path) -> list[GoldAlignment]:
    """Raises DataError, naming the line, if a link is neither `i-j` nor `ipj`."""
    alignments = []
    for number, line in enumerate(read_lines(file), start=1):
        try:
            alignments.append(parse_gold(line))
        except ValueError as error:
            raise DataError(f"{file}, line {number}: {error}") from None
    return alignments


def parse_gold(line: str) -> GoldAlignment:
    """The links of one sentence pair; raises ValueError if one is neither `i-j` nor `ipj`."""
    links: dict[str, set[WordPair]] = {"-": set(), "p": set()}
    for link in line.split():
        match = re.fullmatch(r"([1-9]\d*)([-p])([1-9]\d*)", link)
        if not match:
            raise ValueError(f"{link!r} is not a link; write 3-4 or 3p4")
        links[match[2]].add((int(match[1]) - 1, int(match[3]) - 1))
    sure = frozenset(links["-"])
    return GoldAlignment(sure, sure | links["p"])


def check_links(gold: GoldAlignment, source: str, target: str, where: str) -> None:
    """Check that a tokenised sentence pair has the words that its gold links join.

    Args:
        where: what the message calls the pair.

    Raises:
        DataError: if a link names a word beyond the end of a sentence.
    """
    n_source, n_target = len(source.split()), len(target.split())
    for s, t in sorted(gold.possible):
        if s >= n_source or t >= n_target:
            raise DataError(
                f"{where}: the gold link of words {s + 1} and {t + 1} is beyond the sentence, which has "
                f"{n_source} source and {n_target} target words; give the text that was aligned"
            )
