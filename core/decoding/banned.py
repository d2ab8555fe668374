"""The tokens that no search method writes into a translation."""

from collections.abc import Collection

from core.config import SpecialIds


def banned_ids(ids: SpecialIds, unwritable: Collection[int] = ()) -> frozenset[int]:
    """The ids that search and sampling never choose; a forced prefix may contain them.

    Padding, start and unknown stand for no text. The end token is never banned, even if it shares
    its id with one of them.

    Args:
        unwritable: further ids that the vocabulary never writes (`Vocabulary.unwritable`).
    """
    return frozenset({ids.pad, ids.start, ids.unknown, *unwritable} - {ids.end})
