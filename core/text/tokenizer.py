"""Pieces, words and characters: SentencePiece with byte fallback, and the way back to the text.

The normaliser is ours and small, so that it can be stated in one sentence (`normalise`);
SentencePiece itself runs with its `identity` rule.
"""

import io
import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import sentencepiece

PAD_ID, UNKNOWN_ID, START_ID, END_ID = 0, 1, 2, 3
N_SPECIAL_AND_BYTES = 4 + 256
SPACE = "▁"

PieceKind = Literal["text", "byte", "special"]


class UnencodableTextError(ValueError):
    """The text holds something that no UTF-8 file can hold."""


def normalise(text: str) -> str:
    """Unicode NFC; every run of white space becomes one space, none at the ends; `▁` becomes `_`.

    NUL, which SentencePiece would take for an end of text, counts as white space.

    Raises:
        UnencodableTextError: if the text holds half of a surrogate pair.
    """
    for position, character in enumerate(text):
        if "\ud800" <= character <= "\udfff":
            raise UnencodableTextError(
                f"character {position + 1} is U+{ord(character):04X}, half of a surrogate pair, "
                "which is no character; remove it, or send the text as UTF-8"
            )
    composed = unicodedata.normalize("NFC", text.replace("\0", " "))
    return " ".join(composed.split()).replace(SPACE, "_")


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
    """A text, its pieces and its words (a word is what stands between spaces)."""

    text: str
    pieces: tuple[Piece, ...]
    words: tuple[Word, ...]


class Tokenizer:
    """A joint vocabulary for both languages."""

    def __init__(self, model: bytes) -> None:
        """Raises ValueError if the bytes are no SentencePiece model that begins with this project's
        special and byte pieces."""
        self.model = model
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
        except RuntimeError as error:
            raise ValueError(
                f"these {len(model)} bytes are no SentencePiece model: {error}"
            ) from None
        found = tuple(
            getattr(self._processor, name)() for name in ("pad_id", "unk_id", "bos_id", "eos_id")
        )
        wanted = (PAD_ID, UNKNOWN_ID, START_ID, END_ID)
        if found != wanted:
            raise ValueError(f"special ids (pad, unk, bos, eos) are {found}, but must be {wanted}")
        n = min(self.vocabulary_size, N_SPECIAL_AND_BYTES)
        pieces = [self._processor.IdToPiece(id_) for id_ in range(4, n)]
        if pieces != [f"<0x{byte:02X}>" for byte in range(256)]:
            raise ValueError(
                "ids 4 to 259 are not the bytes <0x00> to <0xFF>, without which some text has no "
                "pieces; learn the vocabulary with byte_fallback=True"
            )

    @classmethod
    def learn(cls, lines: Iterable[str], vocabulary_size: int, n_threads: int = 1) -> "Tokenizer":
        """Learn byte-pair pieces from text (section 5.1: one vocabulary for source and target).

        Raises:
            ValueError: if the text has too few different words for so many pieces, or the size
                leaves no room beside the 260 special and byte pieces.
        """
        if vocabulary_size <= N_SPECIAL_AND_BYTES:
            raise ValueError(
                f"vocabulary_size={vocabulary_size} must exceed {N_SPECIAL_AND_BYTES}, "
                "the special and byte pieces"
            )
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=(normalise(line) for line in lines),
                model_writer=model,
                model_type="bpe",
                vocab_size=vocabulary_size,
                byte_fallback=True,
                character_coverage=0.9999,
                normalization_rule_name="identity",
                input_sentence_size=2_000_000,
                shuffle_input_sentence=True,
                num_threads=n_threads,
                pad_id=PAD_ID,
                unk_id=UNKNOWN_ID,
                bos_id=START_ID,
                eos_id=END_ID,
                minloglevel=2,
            )
        except RuntimeError as error:
            raise ValueError(
                f"no vocabulary of vocabulary_size={vocabulary_size} can be learnt from this text; "
                f"choose another size ({str(error).strip()})"
            ) from None
        return cls(model.getvalue())

    @property
    def vocabulary_size(self) -> int:
        return int(self._processor.GetPieceSize())

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The vocabulary by id."""
        return tuple(self._processor.IdToPiece(i) for i in range(self.vocabulary_size))

    def encode(self, text: str) -> list[int]:
        """Ids of the normalised text, without start and end."""
        return self._processor.Encode(normalise(text))  # type: ignore[no-any-return]

    def encode_lines(self, lines: Sequence[str], n_threads: int = 1) -> list[list[int]]:
        normalised = [normalise(line) for line in lines]
        return self._processor.Encode(normalised, num_threads=n_threads)  # type: ignore[no-any-return]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; `decode(encode(x)) == normalise(x)`."""
        return self.read(ids).text

    def read(self, ids: Iterable[int]) -> PiecedText:
        """Text, character spans and words of any sequence of ids, a model's odd ones included.

        Bytes that are no UTF-8 read as U+FFFD. Special pieces stand where they stand, empty.

        Raises:
            ValueError: if an id is outside the vocabulary.
        """
        ids = list(ids)
        for id_ in ids:
            if not 0 <= id_ < self.vocabulary_size:
                raise ValueError(f"id {id_} is outside the vocabulary of {self.vocabulary_size}")
        return _read(ids, self.names)


@dataclass(frozen=True, slots=True)
class _Glyph:
    """Ids that stand for the same characters: one piece, or the bytes of one character."""

    ids: tuple[int, ...]
    characters: str  # with the space before a word; nothing for special pieces


def _read(ids: list[int], names: Sequence[str]) -> PiecedText:
    text = ""
    pieces: list[Piece] = []
    word_starts: list[int] = []
    for glyph in _glyphs(ids, names):
        is_special = _kind(glyph.ids[0]) == "special"
        opens_word = glyph.characters.startswith(" ") or not word_starts
        shown = glyph.characters if text else glyph.characters.removeprefix(" ")
        start = len(text) + len(shown) - len(shown.lstrip(" "))
        text += shown
        if opens_word and not is_special:
            word_starts.append(start)
        word = -1 if is_special else len(word_starts) - 1
        pieces += [
            Piece(id_, names[id_], text[start:], start, len(text), word, _kind(id_))
            for id_ in glyph.ids
        ]
    return PiecedText(text, tuple(pieces), tuple(_words(text, word_starts)))


def _words(text: str, starts: list[int]) -> Iterator[Word]:
    for start, end in itertools.pairwise([*starts, len(text)]):
        word = text[start:end].rstrip(" ")
        yield Word(word, start, start + len(word))


def _glyphs(ids: list[int], names: Sequence[str]) -> Iterator[_Glyph]:
    for kind, group in itertools.groupby(ids, key=_kind):
        run = tuple(group)
        if kind == "byte":
            first = 0
            for size, character in _characters(bytes(int(names[id_][3:5], 16) for id_ in run)):
                yield _Glyph(run[first : first + size], character)
                first += size
        else:
            for id_ in run:
                yield _Glyph((id_,), "" if kind == "special" else names[id_].replace(SPACE, " "))


def _kind(id_: int) -> PieceKind:
    if id_ < 4:
        return "special"
    return "byte" if id_ < N_SPECIAL_AND_BYTES else "text"


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
