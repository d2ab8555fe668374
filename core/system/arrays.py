"""Arrays in .npz files."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile


@contextmanager
def open_arrays(file: Path) -> Iterator[NpzFile]:
    """The arrays of an .npz file; nothing is ever unpickled.

    Raises:
        ValueError: if its content is that of another kind of file.
        OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error: if it cannot be read, or is damaged.
    """
    with file.open("rb") as opened:
        if not zipfile.is_zipfile(opened):
            raise ValueError("its content is no .npz archive")
        opened.seek(0)
        with np.load(opened, allow_pickle=False) as arrays:
            yield arrays
