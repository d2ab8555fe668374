"""Which sentence pairs are used, to train on or to measure: one definition for every command."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.text.vocabulary import Vocabulary, encode_pairs


def is_usable(source: Sequence[int], target: Sequence[int], max_pieces: int) -> bool:
    """Whether both sides hold text, and neither more than `max_pieces` pieces, `</s>` included.

    Args:
        source, target: token ids without special tokens.
    """
    return 0 < len(source) < max_pieces and 0 < len(target) < max_pieces


@dataclass(frozen=True, slots=True)
class UsablePairs:
    """The pairs of a text that are used."""

    pairs: list[tuple[str, str]]
    numbers: list[int]
    """The index of each pair in the text, from 0."""
    n_left_out: int
    max_pieces: int
    """The most pieces on a side, `</s>` included."""


def usable_pairs(
    pairs: Sequence[tuple[str, str]], vocabulary: Vocabulary, max_pieces: int
) -> UsablePairs:
    """The pairs that are usable; see `is_usable`.

    Raises:
        UnencodableTextError: if a side holds half of a surrogate pair.
    """
    sides = zip(*encode_pairs(vocabulary, pairs), strict=True)
    numbers = [
        n for n, (source, target) in enumerate(sides) if is_usable(source, target, max_pieces)
    ]
    kept = [pairs[number] for number in numbers]
    return UsablePairs(kept, numbers, len(pairs) - len(kept), max_pieces)


def left_out(n: int, max_pieces: int) -> str:
    """In words, how many pairs are not used, and why."""
    were = "pair was" if n == 1 else "pairs were"
    return f"{n:,} {were} left out (a side is empty, or has more than {max_pieces - 1:,} pieces)"
