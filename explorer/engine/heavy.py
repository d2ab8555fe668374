"""Pages are made one at a time; heavy work of all visitors takes turns, and steps aside for light work."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.system.pauses import at_pauses
from explorer.engine.folder_version import as_first_seen

LIGHT_TOKENS = 1_500
"""So many tokens a model reads or writes for one visitor in one or two seconds, on one core."""

MOST_ASIDE_S = 0.03
"""Heavy work waits so long at most before each of its steps, which take about 0.005 s."""

ASK_EVERY_S = 0.1
"""How often one who waits is told its place, and may give up."""

Tell = Callable[[int], None]
"""Told how many are before; what it raises gives the place up."""


class Turns:
    """A line in which at most `n_at_once` are served at a time, first come, first served."""

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
                self._changed.notify_all()  # another turn may be free for the next one
                return None
            return self._line.index(ticket) + self._n_served

    def _is_next(self, ticket: object) -> bool:
        return self._line[0] is ticket and self._n_served < self._n_at_once

    def _leave(self) -> None:
        self._n_served -= 1
        self._changed.notify_all()


class Courtesy:
    """Heavy work steps aside while light work is under way, but not for long, so that it ends too."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_light = 0

    @contextmanager
    def counting(self, change: int) -> Iterator[None]:
        """Count light work that begins here (1), or that is found to be heavy (-1), until it ends."""
        self._add(change)
        try:
            yield
        finally:
            self._add(-change)

    def _add(self, change: int) -> None:
        with self._changed:
            self._n_light += change
            self._changed.notify_all()

    def step_aside(self) -> None:
        """Wait until no light work is under way, or for `MOST_ASIDE_S`."""
        with self._changed:
            self._changed.wait_for(lambda: self._n_light <= 0, MOST_ASIDE_S)


HEAVY = LIGHT_TOKENS + 1
"""Tokens of what waits for its turn in any case."""

_HAS_TURN: ContextVar[bool] = ContextVar("has_turn", default=False)
"""Whether this work is part of heavy work whose turn has come."""


class Page:
    """What one visitor asked for; it is made while no other page is, except for its heavy work."""

    def __init__(self) -> None:
        self._turn = ExitStack()

    def take_turn(self) -> None:
        self._turn.enter_context(pages().turn(lambda n_before: _give_up_if_asked()))

    def leave_turn(self) -> None:
        """Do nothing if it has none."""
        self._turn.close()


_PAGE: ContextVar[Page | None] = ContextVar("page", default=None)
"""The visit that this work is a part of, which counts as light until it is known to be heavy."""


@contextmanager
def visit() -> Iterator[None]:
    """Make a page when its turn comes; count it as light work, which may be given up at every pause.

    Whoever asks for something else does not wait for the end of what they asked for before. Within a
    visit, another one begins nothing.
    """
    if _PAGE.get():
        yield
        return
    page = Page()
    token = _PAGE.set(page)
    try:
        with courtesy().counting(1), at_pauses(_give_up_if_asked), as_first_seen():
            page.take_turn()
            yield
    finally:
        page.leave_turn()
        _PAGE.reset(token)


def _give_up_if_asked() -> None:
    """Streamlit ends a run whose visitor asked for something else when the run looks at its state."""
    _ = "nothing" in st.session_state


def _step_aside() -> None:
    if _PAGE.get():
        _give_up_if_asked()
    courtesy().step_aside()


@contextmanager
def at_its_turn(n_tokens: int, tell: Tell | None = None) -> Iterator[None]:
    """Do light work at once, and heavy work when its turn has come.

    Who waits is told on the page, and gives the place up by asking for something else.

    Args:
        n_tokens: how many tokens a model reads or writes for it, once for each hypothesis or change.
        tell: told how many are before, in place of the page.
    """
    if n_tokens <= LIGHT_TOKENS or _HAS_TURN.get():
        yield
        return
    notice, page = _Notice(), _PAGE.get()
    heavy = courtesy().counting(-1 if page else 0)
    with _other_pages_go_on(page), heavy, turns().turn(tell or notice.say), at_pauses(_step_aside):
        notice.clear()
        token = _HAS_TURN.set(True)
        try:
            yield
        finally:
            _HAS_TURN.reset(token)


@contextmanager
def _other_pages_go_on(page: Page | None) -> Iterator[None]:
    """Leave the line of pages; take a turn again if the page goes on, with a result or an error."""
    if not page:
        yield
        return
    page.leave_turn()
    try:
        yield
    except Exception:  # the end of a page is none
        page.take_turn()
        raise
    page.take_turn()


class _Notice:
    """Says on the page how many are before. Each message lets Streamlit stop a page that nobody wants."""

    def __init__(self) -> None:
        self._place: DeltaGenerator | None = None

    def say(self, n_before: int) -> None:
        self._place = self._place or st.empty()
        before = "1 request is" if n_before == 1 else f"{n_before} requests are"
        self._place.info(
            f"This takes long, so it waits for its turn: {before} before yours. It starts by itself. "
            "To give up your place, choose another sentence or page."
        )

    def clear(self) -> None:
        if self._place is not None:
            self._place.empty()


@st.cache_resource(show_spinner=False)
def turns() -> Turns:
    """The line of this server; half of its cores are kept for light work."""
    return Turns(max(1, (os.cpu_count() or 1) // 2))


@st.cache_resource(show_spinner=False)
def pages() -> Turns:
    """The line of pages on this server, which are made one at a time: docs/decisions/0015."""
    return Turns(1)


@st.cache_resource(show_spinner=False)
def courtesy() -> Courtesy:
    """Of this server."""
    return Courtesy()
