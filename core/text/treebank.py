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
N_COLUMNS = 10


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
        if all(line.startswith("#") for line in lines):
            continue  # what is said of the whole file
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
        if len(row) != N_COLUMNS:
            raise ValueError(f"{' '.join(row)[:60]!r} has {len(row)} columns; CoNLL-U has 10")
    words = [row for row in rows if row[0].isdecimal()]
    if [row[0] for row in words] != [str(n + 1) for n in range(len(words))]:
        raise ValueError("words must be numbered 1, 2, 3 and so on")
    tokens = _tokens(rows, len(words))
    text = normalise(comments.get("text") or _written(tokens))
    heads = [_head(row, len(words)) for row in words]
    _require_tree(heads)
    return Tree(
        text,
        tuple(
            TreeWord(row[1], *span, head, row[7].partition(":")[0])
            for row, span, head in zip(words, _spans(tokens, words, text), heads, strict=True)
        ),
        comments,
    )


@dataclass(frozen=True, slots=True)
class _Token:
    """What is written without a space inside: a word, or several as one."""

    form: str
    first: int  # its words, from 0
    last: int
    has_space_after: bool


def _tokens(rows: Sequence[Sequence[str]], n_words: int) -> list[_Token]:
    """The tokens in their order, without empty nodes such as 8.1."""
    tokens: list[_Token] = []
    for row in rows:
        match = re.fullmatch(r"([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?", row[0])
        if not match:
            if re.fullmatch(r"\d+\.\d+", row[0]):
                continue
            raise ValueError(
                f"{row[0]!r} numbers no word; write 4, or 4-5 for two words written as one"
            )
        first, last = int(match[1]) - 1, int(match[2] or match[1]) - 1
        if match[2] and not first < last < n_words:
            raise ValueError(
                f"{row[0]!r} names words that are not there; the last one is {n_words}"
            )
        if not tokens or first > tokens[-1].last:
            has_space = "SpaceAfter=No" not in row[9].split("|")
            tokens.append(_Token(normalise(row[1]), first, last, has_space))
    return tokens


def _written(tokens: Sequence[_Token]) -> str:
    return "".join(token.form + " " * token.has_space_after for token in tokens)


def _require_tree(heads: Sequence[int]) -> None:
    """Every word must lead to a root."""
    for word in range(len(heads)):
        at, n_steps = word, 0
        while at != ROOT:
            at, n_steps = heads[at], n_steps + 1
            if n_steps > len(heads):
                raise ValueError(
                    f"word {word + 1} leads to no root: its heads go round in a circle"
                )


def _head(row: Sequence[str], n_words: int) -> int:
    if not row[6].isdecimal() or int(row[6]) > n_words:
        raise ValueError(f"the head of word {row[0]} is {row[6]!r}; write a number up to {n_words}")
    return int(row[6]) - 1


def _spans(
    tokens: Sequence[_Token], words: Sequence[Sequence[str]], text: str
) -> list[tuple[int, int]]:
    """Where each word stands in the text.

    The words of a token of several have their own characters if the token is their forms written
    together, else they share its characters.
    """
    spans: list[tuple[int, int]] = []
    at = 0
    for token in tokens:
        start = text.find(token.form, at)
        if start < 0:
            raise ValueError(f"its text has no {token.form!r} after character {at}")
        at = start + len(token.form)
        forms = [normalise(words[n][1]) for n in range(token.first, token.last + 1)]
        if "".join(forms) != token.form:
            spans += [(start, at)] * len(forms)
            continue
        for form in forms:
            spans.append((start, start + len(form)))
            start += len(form)
    return spans
