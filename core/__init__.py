"""The encoder-decoder Transformer of "Attention Is All You Need": train, load, translate, trace.

import core
core.load("checkpoints/en-de").trace("A man is riding a bicycle.").weights["cross"]
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.translator import Translator


def load(folder: Path | str, device: str = "cpu", *, step: int | None = None) -> "Translator":
    """Load a checkpoint folder. This call imports torch; importing `core` does not.

    Args:
        step: load the weights after this step of the training, if the folder's timeline has them.

    Raises:
        CheckpointError: if the folder is not a complete checkpoint; the message names the file and
            the cause.
    """
    from core.translator import Translator

    return Translator.load(folder, device, step=step)
