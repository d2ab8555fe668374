"""Results stored between runs of the program: one file each, in a folder for each model's weights.

A file is written completely or not at all. A file that cannot be read is computed again. The folder
is `$ATTENTION_EXPLORER_CACHE`, or `attention-explorer` in the user's cache folder; deleting it
costs only computing time.
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
"""Called with the number done and the total. If it raises, the work is cancelled and only finished
results are stored."""

FORMAT = 1
"""Raised when the meaning of stored results changes, so that older results are computed again."""


def cache_folder() -> Path:
    named = os.environ.get("ATTENTION_EXPLORER_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "attention-explorer"


class DiskCache:
    """Results computed from one model, stored by name.

    Args:
        weights: the model's `weights_hash`, if the caller has it: a large model takes long to hash.
    """

    def __init__(
        self, model: Transformer, folder: Path | None = None, weights: str | None = None
    ) -> None:
        self.folder = (folder or cache_folder()) / (weights or weights_hash(model))

    def known(self, what: Mapping[str, Any]) -> Arrays | None:
        """The arrays stored for `what`; None if there are none."""
        with contextlib.suppress(ValueError):
            return read_arrays(self._file(what))
        return None

    def kept(self, what: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """The arrays stored for `what`; if there are none, call `make` and store what it returns.

        Nothing is stored if `make` raises. If the folder cannot be written, the result is still
        returned.

        Args:
            what: plain values that identify the result, together with the model's weights.
        """
        found = self.known(what)
        if found is not None:
            return found
        made = make()
        with contextlib.suppress(OSError):
            _write(self._file(what), made)
        return made

    def _file(self, what: Mapping[str, Any]) -> Path:
        key = json.dumps({**what, "format": FORMAT}, sort_keys=True).encode()
        return self.folder / f"{hashlib.sha256(key).hexdigest()[:32]}.npz"


def _write(file: Path, arrays: Arrays) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with writing_file(file) as partial, partial.open("wb") as opened:
        np.savez_compressed(opened, allow_pickle=False, **arrays)
