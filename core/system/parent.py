"""A worker of torchrun ends when torchrun is gone."""

import os
import sys
import threading
import time

LOOKS_EVERY_S = 1.0
ORPHANED = (
    "torchrun, which started this worker, is gone, and so the worker ends. To go on from the last "
    "save, start all workers again with the same command."
)


def end_with_torchrun() -> None:
    """If torchrun started this process, end it within about a second after torchrun has died.

    A torchrun that is told to end tells its workers. One that is killed cannot, and they would train
    on for nobody, or wait for each other for as long as preparing texts may take. Call this before
    anything slow: if torchrun has died earlier still, this does not notice.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOKS_EVERY_S)
        print(f"\n{ORPHANED}", file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
