"""The vocabulary of a Marian model: SentencePiece cuts the text, a table gives the pieces their ids.

A Hugging Face Marian folder has `source.spm` and `target.spm`, whose own ids are not used, and
`vocab.json`, piece -> id, for both sides; `target_vocab.json` where the target side has one of its
own. A piece that is not in the table becomes `<unk>`. A first word such as `>>de<<`, the target language of a
multilingual model, is one token.
(https://github.com/huggingface/transformers, models/marian/tokenization_marian.py)
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from core.config import SpecialIds
from core.system.json_files import built, parse_json
from core.text.pieces import PiecedText, PieceKind, is_unwritable, normalise, read_pieces
from core.text.vocabulary import processor_of

SOURCE_FILE, TARGET_FILE = "source.spm", "target.spm"
TABLE_FILE, TARGET_TABLE_FILE = "vocab.json", "target_vocab.json"
END, UNKNOWN, PAD = "</s>", "<unk>", "<pad>"


class MarianSide:
    """One side: pieces as its SentencePiece model cuts them, ids as its table says."""

    def __init__(self, model: bytes, table: Mapping[str, int]) -> None:
        """Raises ValueError if the bytes are no SentencePiece model, the ids in the table are not 0 to
        n - 1, or it lacks `</s>` or `<unk>`."""
        self.model, self.table = model, dict(table)
        self._processor = processor_of(model)
        if sorted(self.table.values()) != list(range(len(self.table))):
            raise ValueError(
                f"its {len(self.table)} pieces must have the ids 0 to {len(self.table) - 1}"
            )
        missing = [name for name in (END, UNKNOWN) if name not in self.table]
        if missing:
            raise ValueError(f"it lacks {' and '.join(missing)}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.table, key=self.table.__getitem__))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The target languages that a first word may name: `de` for `>>de<<`."""
        return tuple(name[2:-2] for name in self.names if _is_language(name))

    def encode(self, text: str) -> list[int]:
        """Ids of a text, as Hugging Face's tokenizer gives them, except that `</s>` written in a text
        is treated as text."""
        normalise(text)  # raises for what no vocabulary can encode
        language, rest = _language_and_text(text)
        pieces = [*language, *self._processor.Encode(rest, out_type=str)]
        return [self.table.get(piece, self.table[UNKNOWN]) for piece in pieces]

    def encode_lines(self, lines: Sequence[str], n_threads: int = 1) -> list[list[int]]:
        return [self.encode(line) for line in lines]

    def read(self, ids: Iterable[int]) -> PiecedText:
        """Raises ValueError if an id is outside the table; see `read_pieces`."""
        return read_pieces(list(ids), self.names, self.kind_of)

    def decode(self, ids: Iterable[int]) -> str:
        return self.read(ids).text

    def kind_of(self, id_: int) -> PieceKind:
        name = self.names[id_]
        if name in (END, UNKNOWN, PAD) or _is_language(name):
            return "special"
        own = self._processor.PieceToId(name)
        if self._processor.IsControl(own):
            return "special"
        return "byte" if self._processor.IsByte(own) else "text"


def _is_language(name: str) -> bool:
    return name.startswith(">>") and name.endswith("<<") and len(name) > 4


def _language_and_text(text: str) -> tuple[list[str], str]:
    text = text.lstrip()
    end = text.find("<<")
    if text.startswith(">>") and end != -1:
        return [text[: end + 2]], text[end + 2 :]
    return [], text


class MarianVocabulary:
    """Both sides of a Marian model; a `Vocabulary`."""

    def __init__(self, files: Mapping[str, bytes], *, start: int, pad: int) -> None:
        """From the files of a folder, by their names.

        Args:
            start, pad: as the model's configuration says; often both are the last id.

        Raises:
            ValueError: beginning with the name of a file that cannot be used.
        """
        self.files = dict(files)
        tables = {
            name: _table(files, name) for name in (TABLE_FILE, TARGET_TABLE_FILE) if name in files
        }
        self.source = _side(files, SOURCE_FILE, tables[TABLE_FILE], TABLE_FILE)
        target_table = TARGET_TABLE_FILE if TARGET_TABLE_FILE in tables else TABLE_FILE
        self.target = _side(files, TARGET_FILE, tables[target_table], target_table)
        self._start, self._pad = start, pad

    @property
    def ids(self) -> SpecialIds:
        table = self.target.table
        return SpecialIds(pad=self._pad, unknown=table[UNKNOWN], start=self._start, end=table[END])

    @cached_property
    def unwritable(self) -> frozenset[int]:
        side = self.target
        return frozenset(
            id_ for id_, name in enumerate(side.names) if is_unwritable(name, side.kind_of(id_))
        )


def _table(files: Mapping[str, bytes], name: str) -> dict[str, int]:
    try:
        table: dict[str, int] = built(dict[str, int], parse_json(files[name].decode()))
        for piece in table:
            piece.encode()  # half a surrogate pair is no text
        return table
    except ValueError as error:
        raise ValueError(f"{name} cannot be used: {error}") from None


def _side(files: Mapping[str, bytes], name: str, table: Mapping[str, int], of: str) -> MarianSide:
    try:
        return MarianSide(files[name], table)
    except ValueError as error:
        which = name if "SentencePiece" in str(error) else of
        raise ValueError(f"{which} cannot be used: {error}") from None


def table_bytes(table: Mapping[str, int]) -> bytes:
    """A table as its file's content."""
    return json.dumps(dict(table), ensure_ascii=False, indent=2).encode()
