"""The pieces, words and characters of a text, for any vocabulary.

The normaliser is this project's own and small, so that it can be stated in one sentence
(`normalise`).
"""

import itertools
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

SPACE = "▁"

PieceKind = Literal["text", "byte", "special"]


class UnencodableTextError(ValueError):
    """The text contains half of a surrogate pair, which UTF-8 cannot encode."""


class EmptyTextError(ValueError):
    """There is nothing to translate."""


def normalise(text: str) -> str:
    """Unicode NFC; every run of white space becomes one space, none at the ends; `▁` becomes `_`.

    NUL, which SentencePiece would take for an end of text, counts as white space.

    Raises:
        TypeError: if it is no text at all, such as a list of texts.
        UnencodableTextError: if the text holds half of a surrogate pair.
    """
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is of type {type(text).__name__} and no text: give one as a str")
    for position, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise UnencodableTextError(
                f"character {position + 1} is U+{ord(character):04X}, half of a surrogate pair, "
                "which is no character; remove it, or send the text as UTF-8"
            )
    composed = unicodedata.normalize("NFC", text.replace("\0", " "))
    return " ".join(composed.split()).replace(SPACE, "_")


def several(texts: Sequence[str]) -> Sequence[str]:
    """The texts. Raises TypeError if it is one text, whose letters would be taken for texts."""
    if isinstance(texts, str):
        raise TypeError(f"{texts!r} is one text, and several are expected: give a list, [text]")
    return texts


def is_empty(text: str) -> bool:
    """Whether a text is empty after normalisation: the rule that every caller uses.

    Raises:
        UnencodableTextError: if the text holds half of a surrogate pair.
    """
    return not normalise(text)


def without_controls(text: str) -> str:
    """The text with a space for every control character and line separator."""
    return "".join(" " if _is_control(character) else character for character in text)


def one_line(text: str) -> str:
    """The text with a space for every character that some program takes for the end of a line."""
    return " ".join(text.splitlines())


def is_unwritable(name: str, kind: PieceKind) -> bool:
    """Whether a piece puts a control character or a line separator into a text.

    Args:
        name: as the vocabulary spells it. A byte piece counts only if it is a control character by
            itself, not as part of a longer character.
    """
    if kind == "special":
        return False
    if kind == "byte":
        byte = int(name[3:5], 16)
        return byte < 128 and _is_control(chr(byte))
    return any(map(_is_control, name))


def _is_control(character: str) -> bool:
    """U+0000 to U+001F, U+007F to U+009F, and the separators U+2028 and U+2029."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp")


@dataclass(frozen=True, slots=True)
class Piece:
    """One token, and the characters of the text it stands for.

    A character written as several byte pieces belongs to each of them: they share one span.
    """

    id: int
    name: str  # as in the vocabulary: "▁Mann", "<0xE2>", "</s>"
    surface: str  # the characters of its span, without the space before a word
    start: int  # span in the text, in characters
    end: int
    word: int  # index among the text's words; -1 for special pieces
    kind: PieceKind


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PiecedText:
    """A text, its pieces and its words.

    Spaces separate words; in scripts that are written without them, each piece is one.
    """

    text: str
    pieces: tuple[Piece, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class _Glyph:
    """Ids that stand for the same characters: one piece, or the bytes of one character."""

    ids: tuple[int, ...]
    characters: str  # with the space before a word; nothing for special pieces


def read_pieces(
    ids: Sequence[int], names: Sequence[str], kind_of: Callable[[int], PieceKind]
) -> PiecedText:
    """Text, character spans and words of any sequence of ids.

    Bytes that are not UTF-8 become U+FFFD. Special pieces keep their place, with an empty span.

    Args:
        names: the vocabulary by id; a space before a word is written `▁`, a byte `<0xE2>`.

    Raises:
        ValueError: if an id is outside the vocabulary.
    """
    for id_ in ids:
        if not 0 <= id_ < len(names):
            raise ValueError(f"id {id_} is outside the vocabulary of {len(names)}")
    text = ""
    pieces: list[Piece] = []
    word_starts: list[int] = []
    for glyph in _glyphs(ids, names, kind_of):
        is_special = kind_of(glyph.ids[0]) == "special"
        opens_word = not word_starts or _opens_word(text[word_starts[-1] :], glyph.characters)
        shown = glyph.characters if text else glyph.characters.removeprefix(" ")
        start = len(text) + len(shown) - len(shown.lstrip(" "))
        text += shown
        if opens_word and not is_special:
            word_starts.append(start)
        word = -1 if is_special else len(word_starts) - 1
        pieces += [
            Piece(id_, names[id_], text[start:], start, len(text), word, kind_of(id_))
            for id_ in glyph.ids
        ]
    return PiecedText(text, tuple(pieces), tuple(_words(text, word_starts)))


def _opens_word(word: str, characters: str) -> bool:
    """Whether a new word begins with these characters: behind a space, and in a script that is
    written without spaces with every piece that is no mark or punctuation.

    Args:
        word: the word before them, as far as it goes.
    """
    if characters.startswith(" "):
        return True
    first, last = characters[:1], word[-1:]
    is_letter = unicodedata.category(first or " ")[0] in "LN"
    return bool(word) and is_letter and (has_no_spaces(first) or has_no_spaces(last))


_WITHOUT_SPACES = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),  # Katakana, small
    (0x3400, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han, compatible forms
    (0x20000, 0x3FFFF),  # Han, rare
)


def has_no_spaces(character: str) -> bool:
    """Whether a character is of a script that is written without spaces between words."""
    return bool(character) and any(low <= ord(character) <= high for low, high in _WITHOUT_SPACES)


def _words(text: str, starts: list[int]) -> Iterator[Word]:
    for start, end in itertools.pairwise([*starts, len(text)]):
        word = text[start:end].rstrip(" ")
        yield Word(word, start, start + len(word))


def _glyphs(
    ids: Sequence[int], names: Sequence[str], kind_of: Callable[[int], PieceKind]
) -> Iterator[_Glyph]:
    for kind, group in itertools.groupby(ids, key=kind_of):
        run = tuple(group)
        if kind == "byte":
            first = 0
            for size, character in _characters(bytes(int(names[id_][3:5], 16) for id_ in run)):
                yield _Glyph(run[first : first + size], character)
                first += size
        else:
            for id_ in run:
                yield _Glyph((id_,), "" if kind == "special" else names[id_].replace(SPACE, " "))


def _characters(run: bytes) -> Iterator[tuple[int, str]]:
    """Cut bytes into (number of bytes, character); a byte that fits nowhere is one U+FFFD."""
    while run:
        for size in range(1, min(4, len(run)) + 1):
            try:
                yield size, run[:size].decode()
                break
            except UnicodeDecodeError:
                continue
        else:
            size = 1
            yield 1, "\N{REPLACEMENT CHARACTER}"
        run = run[size:]
