"""A process ends when the one that started it is gone."""

import os
import sys
import threading
import time

LOOKS_EVERY_S = 1.0


def end_with_parent(line: str) -> None:
    """From now on, end this process at once when its parent has died, however it died.

    A parent that is told to end tells its children; one that is killed cannot, and what it started
    would work or wait on for nobody.

    Args:
        line: what is said on standard error.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOKS_EVERY_S)
        print(f"\n{line}", file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
