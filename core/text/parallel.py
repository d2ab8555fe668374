"""Parallel text files: one sentence a line, source and target line by line."""

import codecs
import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.text.rough import roughened


def text_hash(pairs: Iterable[tuple[str, str]]) -> str:
    """A hash of a parallel text, line by line."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update("\n".join((*pair, "")).encode())
    return digest.hexdigest()[:16]


class DataError(ValueError):
    """A text file is missing, unreadable, or does not fit its partner."""


@dataclass(frozen=True, slots=True)
class ParallelFiles:
    """Text files, one sentence a line; the i-th source belongs to the i-th target."""

    sources: tuple[Path, ...]
    targets: tuple[Path, ...]
    rough_share: float = 0.0
    """Share of the sources that are read as typed in haste (`core.text.rough`), from 0 to 1."""

    def __post_init__(self) -> None:
        if not self.sources or len(self.sources) != len(self.targets):
            raise DataError(
                f"{len(self.sources)} source and {len(self.targets)} target files; give as many "
                "targets as sources, at least one"
            )
        if not 0 <= self.rough_share <= 1:
            raise DataError(
                f"rough_share={self.rough_share} must be from 0 to 1: it is a share of the pairs"
            )

    def pairs(self) -> Iterator[tuple[str, str]]:
        as_written = itertools.chain.from_iterable(
            read_pairs(*files) for files in zip(self.sources, self.targets, strict=True)
        )
        return roughened(as_written, self.rough_share) if self.rough_share else as_written

    def absolute(self) -> "ParallelFiles":
        """The same, for a process with another current folder."""
        return ParallelFiles(
            tuple(path.absolute() for path in self.sources),
            tuple(path.absolute() for path in self.targets),
        )

    def lines(self) -> Iterator[str]:
        """Both languages, for learning a joint vocabulary."""
        for pair in self.pairs():
            yield from pair


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 file, without their ends.

    Raises:
        DataError: if the file is missing or a line is not UTF-8; the message names the line.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield decoded_line(line, number, str(path))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def decoded_line(line: bytes, number: int, name: str) -> str:
    """Decode one line of a file or of standard input, without its line end.

    A byte order mark at the beginning of the text, which Windows editors write, is dropped.

    Args:
        number: of the line, from 1.
        name: what an error calls the source of the lines.

    Raises:
        DataError: if the line is not UTF-8; the message names the line and the byte.
    """
    if number == 1:
        line = line.removeprefix(codecs.BOM_UTF8)
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}, line {number}: not UTF-8 (byte 0x{line[error.start]:02X}); save the text as UTF-8"
        ) from None


def read_pairs(source: Path, target: Path) -> Iterator[tuple[str, str]]:
    """Yield the pairs of lines of two parallel files.

    Raises:
        DataError: if one file is shorter than the other.
    """
    for number, (a, b) in enumerate(
        itertools.zip_longest(read_lines(source), read_lines(target)), start=1
    ):
        if a is None or b is None:
            raise DataError(
                f"{source} and {target} are not parallel: {source if a is None else target} ends "
                f"before line {number}, the other does not"
            )
        yield a, b
