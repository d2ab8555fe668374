"""Text to ids and back: what a model reads, and what it writes.

A `Vocabulary` has a source and a target side, each a `Tokenizer`. `JointVocabulary` is this
project's own: one SentencePiece model with byte fallback for both sides.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol, runtime_checkable

import sentencepiece

from core.config import SpecialIds
from core.text.learning import IDS, N_SPECIAL_AND_BYTES, SizeError, learnt_pieces
from core.text.pieces import PiecedText, PieceKind, is_unwritable, normalise, read_pieces

JOINT_FILE = "sentencepiece.model"
SEPARATOR, RETRY = "<draft>", "<retry>"
"""Before a draft, and in the start token's place of a second attempt; see `core.training.score`."""


@runtime_checkable
class Tokenizer(Protocol):
    """One side of a vocabulary: cuts text into pieces, and puts pieces together again."""

    @property
    def names(self) -> Sequence[str]:
        """The pieces by id, as the vocabulary spells them: `▁Mann`, `<0xE2>`, `</s>`."""

    @property
    def languages(self) -> Sequence[str]:
        """The target languages that a first word may name, `de` for `>>de<<`; none of most."""

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without start and end.

        Raises:
            UnencodableTextError: if the text holds half of a surrogate pair.
        """

    def encode_lines(self, lines: Sequence[str], n_threads: int = 1) -> list[list[int]]:
        """Ids of each line, as `encode` gives them."""

    def read(self, ids: Iterable[int]) -> PiecedText:
        """Text, character spans and words of any sequence of ids; see `read_pieces`."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids."""


@runtime_checkable
class Vocabulary(Protocol):
    """What a model reads and writes."""

    @property
    def source(self) -> Tokenizer: ...

    @property
    def target(self) -> Tokenizer: ...

    @property
    def ids(self) -> SpecialIds: ...

    @property
    def unwritable(self) -> frozenset[int]:
        """Ids of the target side that no search writes, special ones aside; see `is_unwritable`."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Its files in a checkpoint folder: file name -> content."""


def processor_of(model: bytes) -> sentencepiece.SentencePieceProcessor:
    """Raises ValueError if the bytes are no SentencePiece model."""
    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except RuntimeError as error:
        raise ValueError(f"these {len(model)} bytes are no SentencePiece model: {error}") from None
    return processor


def encode_pairs(
    vocabulary: Vocabulary, pairs: Sequence[tuple[str, str]]
) -> tuple[list[list[int]], list[list[int]]]:
    """Token ids of all sources and of all targets, without special tokens."""
    return (
        vocabulary.source.encode_lines([source for source, _ in pairs]),
        vocabulary.target.encode_lines([target for _, target in pairs]),
    )


class JointVocabulary:
    """One SentencePiece model with byte fallback for both languages (section 5.1).

    SentencePiece runs with its `identity` rule: the text is normalised by `normalise`.
    """

    def __init__(self, model: bytes) -> None:
        """Raises ValueError unless the bytes are a SentencePiece model that begins with this
        project's special and byte pieces."""
        self.model, self._processor = model, processor_of(model)
        found = tuple(
            getattr(self._processor, name)() for name in ("pad_id", "unk_id", "bos_id", "eos_id")
        )
        wanted = (IDS.pad, IDS.unknown, IDS.start, IDS.end)
        if found != wanted:
            raise ValueError(f"special ids (pad, unk, bos, eos) are {found}, but must be {wanted}")
        n = min(int(self._processor.GetPieceSize()), N_SPECIAL_AND_BYTES)
        if [self._processor.IdToPiece(id_) for id_ in range(4, n)] != [
            f"<0x{byte:02X}>" for byte in range(256)
        ]:
            raise ValueError(
                "ids 4 to 259 are not the bytes <0x00> to <0xFF>, without which some text has no "
                "pieces; learn the vocabulary with byte_fallback=True"
            )

    @classmethod
    def learn(
        cls, lines: Iterable[str], vocabulary_size: int, n_threads: int = 1
    ) -> "JointVocabulary":
        """Learn byte-pair pieces from text (section 5.1: one vocabulary for source and target).

        Control characters are no part of any piece that is learnt.

        Raises:
            ValueError: if the text allows only a smaller or a larger size, or has no words; the
                message says which size.
        """
        try:
            return cls(learnt_pieces(lines, vocabulary_size, n_threads))
        except SizeError as error:
            raise ValueError(
                f"no vocabulary of vocabulary_size={vocabulary_size} can be learnt from this text: "
                f"{error} here"
            ) from None

    @classmethod
    def learn_fitting(
        cls, lines: Callable[[], Iterable[str]], vocabulary_size: int, n_threads: int = 1
    ) -> "JointVocabulary":
        """Learn up to `vocabulary_size` pieces, or as many as the text allows.

        If the text has too many different characters for that size, it gets a piece for each
        character, and up to `vocabulary_size` more.

        Args:
            lines: returns the text from its beginning at every call.

        Raises:
            ValueError: if the text has no words.
        """
        try:
            return cls(learnt_pieces(lines(), vocabulary_size, n_threads, is_most=True))
        except SizeError as error:
            size = error.size + vocabulary_size
            return cls(learnt_pieces(lines(), size, n_threads, is_most=True))

    @property
    def source(self) -> "JointVocabulary":
        return self

    @property
    def target(self) -> "JointVocabulary":
        return self

    @property
    def ids(self) -> SpecialIds:
        return IDS

    @cached_property
    def unwritable(self) -> frozenset[int]:
        of_text = (i for i, name in enumerate(self.names) if is_unwritable(name, self._kind_of(i)))
        return frozenset((*of_text, *self._marks))

    @property
    def files(self) -> dict[str, bytes]:
        return {JOINT_FILE: self.model}

    @cached_property
    def names(self) -> tuple[str, ...]:
        n_pieces = int(self._processor.GetPieceSize())
        return tuple(self._processor.IdToPiece(id_) for id_ in range(n_pieces))

    @property
    def languages(self) -> tuple[str, ...]:
        return ()

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
        """Raises ValueError if an id is outside the vocabulary; see `read_pieces`."""
        return read_pieces(list(ids), self.names, self._kind_of)

    def with_marks(self, names: Sequence[str]) -> "JointVocabulary":
        """The same vocabulary with further special pieces at its end, which no text is cut into.

        Raises:
            ValueError: if a piece of one of these names is there already.
        """
        from sentencepiece import sentencepiece_model_pb2

        known = [name for name in names if name in self.names]
        if known:
            raise ValueError(f"the vocabulary has {', '.join(known)} already")
        model = sentencepiece_model_pb2.ModelProto.FromString(self.model)  # type: ignore[attr-defined]
        for name in names:
            model.pieces.add(piece=name, score=0.0, type=model.SentencePiece.CONTROL)
        return JointVocabulary(model.SerializeToString())

    @cached_property
    def _marks(self) -> frozenset[int]:
        """Special pieces beside padding, unknown, start and end."""
        later = range(N_SPECIAL_AND_BYTES, len(self.names))
        return frozenset(id_ for id_ in later if self._processor.IsControl(id_))

    def _kind_of(self, id_: int) -> PieceKind:
        if id_ < 4 or id_ in self._marks:
            return "special"
        return "byte" if id_ < N_SPECIAL_AND_BYTES else "text"
