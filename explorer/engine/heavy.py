"""Heavy work of all visitors takes turns: a few at once, the others in line, each told its place."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

ASK_EVERY_S = 0.25
"""How often one who waits is told its place, and may give up."""

Tell = Callable[[int], None]
"""Told how many are before; what it raises gives the place up."""


class Turns:
    """A line in which so many are served at once, first come, first served."""

    def __init__(self, n_at_once: int) -> None:
        self._n_at_once = n_at_once
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._n_served = 0

    @contextmanager
    def turn(self, tell: Tell = lambda n_before: None) -> Iterator[None]:
        """Wait for a turn, and have it until the block ends.

        Args:
            tell: called while waiting, outside of any lock.
        """
        ticket = object()
        with self._changed:
            self._line.append(ticket)
        try:
            while (n_before := self._taken(ticket)) is not None:
                tell(n_before)
        except BaseException:
            with self._changed:
                if ticket in self._line:
                    self._line.remove(ticket)
                    self._changed.notify_all()
                else:  # the turn had come
                    self._leave()
            raise
        try:
            yield
        finally:
            with self._changed:
                self._leave()

    def _taken(self, ticket: object) -> int | None:
        """How many are before after some waiting; None if the turn is taken."""
        with self._changed:
            if self._is_next(ticket) or self._changed.wait_for(
                lambda: self._is_next(ticket), ASK_EVERY_S
            ):
                self._line.popleft()
                self._n_served += 1
                return None
            return self._line.index(ticket) + self._n_served

    def _is_next(self, ticket: object) -> bool:
        return self._line[0] is ticket and self._n_served < self._n_at_once

    def _leave(self) -> None:
        self._n_served -= 1
        self._changed.notify_all()


@st.cache_resource(show_spinner=False)
def turns() -> Turns:
    """The line of this server; half of its cores are kept for light work."""
    return Turns(max(1, (os.cpu_count() or 1) // 2))
