"""Results kept between runs of the program, one file each, under the weights they belong to.

A file is written whole or not at all, and one that cannot be read is made again. The folder is
`$ATTENTION_EXPLORER_CACHE`, or `attention-explorer` in the user's cache folder; deleting it costs
nothing but time.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.checkpoint.weights import weights_hash
from core.model import Transformer
from core.system.arrays import read_arrays
from core.system.files import writing_file

Arrays = Mapping[str, NDArray[np.float64]]

Progress = Callable[[int, int], None]
"""Told how many of how many are done; whatever it raises cancels, and what is not done is not kept."""

FORMAT = 1
"""Raised when stored results come to mean something else, so that older ones are made again."""


def cache_folder() -> Path:
    named = os.environ.get("ATTENTION_EXPLORER_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "attention-explorer"


class DiskCache:
    """Results computed from one model, stored by name."""

    def __init__(self, model: Transformer, folder: Path | None = None) -> None:
        self.folder = (folder or cache_folder()) / weights_hash(model)

    def kept(self, what: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """The arrays stored for `what`, or those that `make` returns, which are stored.

        Nothing is stored if `make` raises. A folder that cannot be written costs only the storing.

        Args:
            what: plain values that name the result completely, but for the weights.
        """
        key = hashlib.sha256(
            json.dumps({**what, "format": FORMAT}, sort_keys=True).encode()
        ).hexdigest()[:32]
        file = self.folder / f"{key}.npz"
        with contextlib.suppress(ValueError):
            return read_arrays(file)
        made = make()
        with contextlib.suppress(OSError):
            _write(file, made)
        return made


def _write(file: Path, arrays: Arrays) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with writing_file(file) as partial, partial.open("wb") as opened:
        np.savez_compressed(opened, allow_pickle=False, **arrays)
