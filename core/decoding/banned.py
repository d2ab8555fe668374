"""Which tokens no translation is made of, whatever method finds it."""

from collections.abc import Collection

from core.config import SpecialIds


def banned_ids(ids: SpecialIds, unwritable: Collection[int] = ()) -> frozenset[int]:
    """The ids that search and sampling pass over; a forced prefix may hold them.

    Padding, start and unknown stand for no text. The end is never banned, whatever else its id is.

    Args:
        unwritable: what else the vocabulary never writes (`Vocabulary.unwritable`).
    """
    return frozenset({ids.pad, ids.start, ids.unknown, *unwritable} - {ids.end})
