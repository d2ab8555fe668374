"""The encoder-decoder Transformer of "Attention Is All You Need": train, load, translate, trace.

import core
core.load("checkpoints/en-de").trace("A man is riding a bicycle.").weights["cross"]
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.translator import Translator


def load(folder: Path | str, device: str = "cpu", *, step: int | None = None) -> "Translator":
    """Load a checkpoint folder for use; torch is imported here, not with the package.

    Args:
        step: load the weights after this step of the training, if the folder's timeline has them.

    Raises:
        CheckpointError: if the folder is no whole checkpoint; the message names file and cause.
    """
    from core.translator import Translator

    return Translator.load(folder, device, step=step)
