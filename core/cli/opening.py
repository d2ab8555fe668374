"""How every command opens a checkpoint: what of it cannot be used is said on standard error."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.checkpoint.folder import Checkpoint


def open_checkpoint(folder: Path, device: str = "cpu") -> "Checkpoint":
    """Load a checkpoint onto a device, `auto` for the best there is.

    Raises:
        CheckpointError: as `load_checkpoint` does.
        ValueError: if the device is not there.
    """
    from core.checkpoint.folder import load_checkpoint
    from core.system.device import choose_device

    checkpoint = load_checkpoint(folder, choose_device(device))
    for notice in checkpoint.notices:
        print(f"note: {notice}", file=sys.stderr)
    return checkpoint
