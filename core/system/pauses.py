"""Long work pauses between its steps, where others may want the processor, or an end of it.

    with at_pauses(ask):
        search(model, sources)  # ask() is called before every step; what it raises ends the work

A search pauses before each step, whatever runs over a text before each batch, and the long analyses of
one sentence before each of their parts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Ask = Callable[[], None]
"""What is done at each pause; an exception ends the work."""

_ASK: ContextVar[Ask | None] = ContextVar("ask", default=None)


@contextmanager
def at_pauses(ask: Ask) -> Iterator[None]:
    """Call a function at every pause of this thread's work, in place of an earlier one."""
    token = _ASK.set(ask)
    try:
        yield
    finally:
        _ASK.reset(token)


def pause() -> None:
    """Let others have their way before the next step."""
    if ask := _ASK.get():
        ask()
