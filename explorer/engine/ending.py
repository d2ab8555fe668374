"""The end of the server, while it may still compute for a visitor."""

import atexit
import functools
import os
import sys

from streamlit import runtime


@functools.cache
def end_without_computing() -> None:
    """When the server has stopped, end the process before Python takes itself apart.

    A thread that comes out of torch after that finds no Python to return to, and ends the process
    with an abort. What such a thread still computes nobody waits for, and files are written whole.
    """
    atexit.register(_end)


def _end() -> None:
    if runtime.exists():  # so this is the server, not a test of its pages
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
