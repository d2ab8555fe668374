"""A cache of results for all visitors; the least recently used go first."""

import dataclasses
import sys
import threading
from collections.abc import Callable, Hashable, Mapping
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from cachetools import LRUCache

from explorer.engine.heavy import Tell, at_its_turn

Made = TypeVar("Made")


def n_bytes(made: Any) -> int:
    """Bytes of records, collections and arrays with all their contents; each object counts once."""
    parts, seen, total = [made], set[int](), 0
    while parts:
        part = parts.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        total += part.nbytes if isinstance(part, np.ndarray) else sys.getsizeof(part)
        if isinstance(part, Mapping):
            parts += [*part.keys(), *part.values()]
        elif isinstance(part, tuple | list | set | frozenset):
            parts += part
        elif dataclasses.is_dataclass(part):
            parts += [getattr(part, field.name) for field in dataclasses.fields(part)]
    return total


class MemoryCache:
    """Results by key, up to a total size.

    Args:
        most: the largest total size in bytes; a larger result is not stored.
        size_of: the size of a result.
    """

    def __init__(self, most: int, size_of: Callable[[Any], int] = n_bytes) -> None:
        self._results: Any = LRUCache(most, getsizeof=itemgetter(1))
        self._size_of = size_of
        self._lock = threading.Lock()

    def known(self, key: Hashable) -> bool:
        """Whether the result of this key is stored."""
        with self._lock:
            return key in self._results

    def get(
        self, key: Hashable, make: Callable[[], Made], n_tokens: int = 0, tell: Tell | None = None
    ) -> Made:
        """The result made for this key before, or a new one.

        Args:
            n_tokens, tell: the work of making it, and who is told while it waits; see `at_its_turn`.
                Who waits for a result that another visitor asked for first gets that one.
        """
        with self._lock:
            if key in self._results:
                return self._results[key][0]  # type: ignore[no-any-return]
        with at_its_turn(n_tokens, tell):
            if n_tokens and self.known(key):
                return self.get(key, make)
            made = make()
            self._keep(key, made)  # before the next one has its turn, who may ask for the same
        return made

    def _keep(self, key: Hashable, made: Any) -> None:
        size = self._size_of(made)
        with self._lock:
            if size <= self._results.maxsize:
                self._results[key] = made, size
