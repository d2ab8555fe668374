"""Results made once and kept for all visitors; the least recently seen go first."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from cachetools import LRUCache

Made = TypeVar("Made")


class Kept:
    """Results by key, as many as fit together.

    Args:
        most: the sum of sizes that is kept; a result larger than that is not.
        size_of: the size of a result.
    """

    def __init__(self, most: int, size_of: Callable[[Any], int] = lambda made: 1) -> None:
        self._results: Any = LRUCache(most, getsizeof=size_of)
        self._size_of = size_of
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """The result made for this key before, or a new one."""
        with self._lock:
            if key in self._results:
                return self._results[key]  # type: ignore[no-any-return]
        made = make()
        with self._lock:
            if self._size_of(made) <= self._results.maxsize:
                self._results[key] = made
        return made
