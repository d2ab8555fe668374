"""Sentences with dependency trees, in the CoNLL-U format of Universal Dependencies.

https://universaldependencies.org/format.html
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.text.parallel import DataError, read_lines
from core.text.pieces import Piece, normalise

ROOT = -1
"""The head of a tree's root."""


@dataclass(frozen=True, slots=True)
class TreeWord:
    """A syntactic word, and the characters of the sentence that it stands for.

    Two words that are written as one, as in `zum`, share its characters.
    """

    form: str
    start: int  # in characters of the sentence's text
    end: int
    head: int  # index among the sentence's words, or ROOT
    relation: str  # without its subtype: nsubj, not nsubj:pass


@dataclass(frozen=True, slots=True)
class Tree:
    text: str
    words: tuple[TreeWord, ...]
    comments: dict[str, str]
    """What lines such as `# text_de = ..` say."""

    def words_of(self, pieces: Sequence[Piece]) -> list[int]:
        """The word of each piece by its first character; -1 for special pieces and for others."""
        return [
            -1
            if piece.kind == "special"
            else next(
                (n for n, word in enumerate(self.words) if word.start <= piece.start < word.end), -1
            )
            for piece in pieces
        ]


def read_treebank(file: Path) -> list[Tree]:
    """Raises DataError, naming the line, if the file does not hold trees."""
    found = []
    for number, lines in _blocks(read_lines(file)):
        try:
            found.append(_tree(lines))
        except ValueError as error:
            raise DataError(f"{file}, sentence that begins in line {number}: {error}") from None
    if not found:
        raise DataError(f"{file} holds no sentence; give a treebank in the CoNLL-U format")
    return found


def _blocks(lines: Iterator[str] | Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The lines of each sentence, and the number of its first."""
    block: list[str] = []
    number = first = 1
    for number, line in enumerate(lines, start=1):
        if line.strip():
            if not block:
                first = number
            block.append(line)
        elif block:
            yield first, block
            block = []
    if block:
        yield first, block


def _tree(lines: Sequence[str]) -> Tree:
    found = [re.match(r"#\s*([^=]+?)\s*=\s*(.*)", line) for line in lines]
    comments = {match[1]: match[2] for match in found if match}
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    for row in rows:
        if len(row) != 10:
            raise ValueError(f"{' '.join(row)[:60]!r} has {len(row)} columns; CoNLL-U has 10")
    text = normalise(comments.get("text") or " ".join(row[1] for row in rows))
    words = [row for row in rows if row[0].isdecimal()]
    if [row[0] for row in words] != [str(n + 1) for n in range(len(words))]:
        raise ValueError("words must be numbered 1, 2, 3 and so on")
    spans = _spans(rows, text)
    return Tree(
        text,
        tuple(
            TreeWord(row[1], *span, _head(row, len(words)), row[7].partition(":")[0])
            for row, span in zip(words, spans, strict=True)
        ),
        comments,
    )


def _head(row: Sequence[str], n_words: int) -> int:
    if not row[6].isdecimal() or int(row[6]) > n_words:
        raise ValueError(f"the head of word {row[0]} is {row[6]!r}; write a number up to {n_words}")
    return int(row[6]) - 1


def _spans(rows: Sequence[Sequence[str]], text: str) -> list[tuple[int, int]]:
    """Where each word stands in the text.

    The words of a token of several, such as 2-3, have their own characters if the token is their
    forms written together, else they share its characters.
    """
    spans: list[tuple[int, int]] = []
    forms = {row[0]: normalise(row[1]) for row in rows if row[0].isdecimal()}
    at = 0
    for row in rows:
        if "-" in row[0]:
            first, last = (int(number) for number in row[0].split("-"))
            token, inside = normalise(row[1]), [forms[str(n)] for n in range(first, last + 1)]
            start, end = _found(token, text, at)
            if "".join(inside) != token:
                spans += [(start, end)] * len(inside)
                at = end
        elif row[0].isdecimal() and int(row[0]) > len(spans):
            spans.append(_found(forms[row[0]], text, at))
            at = spans[-1][1]
    return spans


def _found(form: str, text: str, at: int) -> tuple[int, int]:
    start = text.find(form, at)
    if start < 0:
        raise ValueError(f"its text has no {form!r} after character {at}")
    return start, start + len(form)
