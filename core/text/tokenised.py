"""Parallel text as ids: tokenised once, into memory-mapped files.

Whatever the corpus size, only the lengths and the order of the pairs are held in memory.
"""

import contextlib
import hashlib
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.config import SpecialIds
from core.system.files import file_lock, writing_folder
from core.text.parallel import DataError, ParallelFiles
from core.text.usable import is_usable, left_out
from core.text.vocabulary import Vocabulary

LINES_AT_ONCE = 20_000

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenisedCorpus:
    """Pairs as ids in two memory-mapped files; each side ends with the end token, no start is stored."""

    source_ids: NDArray[np.int32]
    target_ids: NDArray[np.int32]
    source_offsets: Indices  # n_pairs + 1
    target_offsets: Indices
    ids: SpecialIds
    n_left_out: int  # pairs of the files that are in no part: a side was empty or too long

    def __len__(self) -> int:
        return len(self.source_offsets) - 1

    @property
    def source_lengths(self) -> Indices:
        return np.diff(self.source_offsets)

    @property
    def target_lengths(self) -> Indices:
        return np.diff(self.target_offsets)

    def part(self, first: int, end: int) -> "TokenisedCorpus":
        """The pairs from `first` to `end` - 1, still in the same files."""
        source, target = (
            offsets[first : end + 1] for offsets in (self.source_offsets, self.target_offsets)
        )
        return TokenisedCorpus(
            source_ids=self.source_ids[source[0] : source[-1]],
            target_ids=self.target_ids[target[0] : target[-1]],
            source_offsets=source - source[0],
            target_offsets=target - target[0],
            ids=self.ids,
            n_left_out=self.n_left_out,
        )

    def up_to(self, max_pieces: int) -> "TokenisedCorpus":
        """The pairs with at most `max_pieces` pieces a side, `</s>` included, now in memory."""
        longest = np.maximum(self.source_lengths, self.target_lengths)
        kept = [self.pair(int(index)) for index in np.flatnonzero(longest <= max_pieces)]
        sources, targets = ([pair[side] for pair in kept] for side in (0, 1))
        return TokenisedCorpus(
            source_ids=np.concatenate([*sources, self.source_ids[:0]]),
            target_ids=np.concatenate([*targets, self.target_ids[:0]]),
            source_offsets=np.cumsum([0, *map(len, sources)]),
            target_offsets=np.cumsum([0, *map(len, targets)]),
            ids=self.ids,
            n_left_out=self.n_left_out + len(self) - len(kept),
        )

    def pair(self, index: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        return (
            self.source_ids[self.source_offsets[index] : self.source_offsets[index + 1]],
            self.target_ids[self.target_offsets[index] : self.target_offsets[index + 1]],
        )


def tokenise_once(
    files: ParallelFiles,
    vocabulary: Vocabulary,
    *,
    max_pieces: int,
    cache: Path,
    n_threads: int = 1,
) -> TokenisedCorpus:
    """Tokenise into a folder below `cache`, or open the folder an earlier call made.

    The folder's name is a hash of the vocabulary, the limit, the share of rough sources, and each
    file's path, size and time.
    Pairs with an empty side, or with more than `max_pieces` pieces on one (`</s>` included), are
    left out and counted.

    Raises:
        DataError: if the files are unreadable or not parallel, or no pair is left.
    """
    key = hashlib.sha256(b"".join(vocabulary.files.values()))
    key.update(f"{max_pieces} {files.rough_share}".encode())
    for path in (*files.sources, *files.targets):
        if not path.is_file():
            raise DataError(f"{path}: no such file")
        status = path.stat()
        key.update(f"{path.resolve()} {status.st_size} {status.st_mtime_ns}".encode())
    folder = cache / key.hexdigest()[:16]
    if not (folder / "meta.json").is_file():
        with file_lock(cache):
            _sweep(cache)
            if not (folder / "meta.json").is_file():  # as another process may have come first
                pairs = _tokenised(files, vocabulary, n_threads)
                _write_cache(folder, pairs, max_pieces, vocabulary.ids)
    return _open_cache(folder, vocabulary.ids)


def _sweep(cache: Path) -> None:
    """Remove what killed processes have left half written; whoever writes has the lock."""
    for left in cache.glob("*.partial-*"):
        shutil.rmtree(left, ignore_errors=True)


def _tokenised(
    files: ParallelFiles, vocabulary: Vocabulary, n_threads: int
) -> Iterator[tuple[list[int], list[int]]]:
    pairs = files.pairs()
    while chunk := list(itertools.islice(pairs, LINES_AT_ONCE)):
        sources = vocabulary.source.encode_lines([a for a, _ in chunk], n_threads)
        targets = vocabulary.target.encode_lines([b for _, b in chunk], n_threads)
        yield from zip(sources, targets, strict=True)


def _write_cache(
    folder: Path,
    pairs: Iterable[tuple[list[int], list[int]]],
    max_pieces: int,
    ids: SpecialIds,
) -> None:
    with writing_folder(folder) as partial:
        n_left_out = _write_sides(partial, pairs, max_pieces, ids.end)
        (partial / "meta.json").write_text(json.dumps({"n_left_out": n_left_out}))


def _write_sides(
    folder: Path, pairs: Iterable[tuple[list[int], list[int]]], max_pieces: int, end_id: int
) -> int:
    """Returns how many pairs were left out."""
    n_left_out = 0
    with _SideWriter(folder, "source") as source, _SideWriter(folder, "target") as target:
        for source_ids, target_ids in pairs:
            if is_usable(source_ids, target_ids, max_pieces):
                source.append([*source_ids, end_id])
                target.append([*target_ids, end_id])
            else:
                n_left_out += 1
    if source.end == 0:
        raise DataError(
            f"no pair is left to train on: {left_out(n_left_out, max_pieces)}, as "
            f"max_pieces={max_pieces} with </s>"
        )
    return n_left_out


class _SideWriter(contextlib.AbstractContextManager["_SideWriter"]):
    """Streams the ids of one side, and where each sentence ends, to two files."""

    def __init__(self, folder: Path, name: str) -> None:
        self._ids = (folder / f"{name}.i32").open("wb")
        self._offsets = (folder / f"{name}.i64").open("wb")
        self.end = 0
        np.asarray(self.end, np.int64).tofile(self._offsets)

    def append(self, ids: list[int]) -> None:
        np.asarray(ids, np.int32).tofile(self._ids)
        self.end += len(ids)
        np.asarray(self.end, np.int64).tofile(self._offsets)

    def __exit__(self, *_: object) -> None:
        self._ids.close()
        self._offsets.close()


def _open_cache(folder: Path, ids: SpecialIds) -> TokenisedCorpus:
    return TokenisedCorpus(
        source_ids=np.memmap(folder / "source.i32", np.int32, mode="r"),
        target_ids=np.memmap(folder / "target.i32", np.int32, mode="r"),
        source_offsets=np.memmap(folder / "source.i64", np.int64, mode="r"),
        target_offsets=np.memmap(folder / "target.i64", np.int64, mode="r"),
        ids=ids,
        n_left_out=json.loads((folder / "meta.json").read_text())["n_left_out"],
    )
