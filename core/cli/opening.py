"""How every command opens a checkpoint: it prints a note on each file that cannot be used."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint


def open_checkpoint(folder: Path, device: str = "cpu") -> "Checkpoint":
    """Load a checkpoint onto a device, `auto` for the best available; notes go to standard error.

    Raises:
        CheckpointError: as `load_checkpoint` does.
        ValueError: if the device is not available.
    """
    from core.checkpoint.folder import load_checkpoint
    from core.system.device import choose_device

    checkpoint = load_checkpoint(folder, choose_device(device))
    for notice in checkpoint.notices:
        print(f"note: {notice}", file=sys.stderr)
    return checkpoint
