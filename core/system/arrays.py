"""Read .npz files that other people may have written, within a limit of memory.

A few thousand compressed bytes can unpack to gigabytes, and a header can claim even more. So sizes
are checked before numbers are read. The result is the arrays, or a ValueError of one sentence.
Nothing is unpickled.
"""

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 1_000_000_000


def read_arrays(file: Path, most_bytes: int = MOST_BYTES) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file, by name.

    Args:
        most_bytes: the largest total size of the arrays, unpacked.

    Raises:
        ValueError: if the file cannot be read, is damaged, or unpacks to more than that.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            n_bytes = sum(entry.file_size for entry in entries)
            if n_bytes > most_bytes:
                raise ValueError(f"it unpacks to {n_bytes:,} bytes; {most_bytes:,} is the most")
            return {
                entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in entries
            }
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"it is not a complete .npz file: {error}") from None


def require_unpacked(file: Path) -> None:
    """Check an archive that another library reads: its entries must lie there as they are.

    Raises:
        ValueError: if one is compressed, and so may unpack to any size.
    """
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise ValueError(f"{entry.filename} in it is compressed")


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """The numbers of one entry, after its header has been checked against the entry's size."""
    with archive.open(entry) as member:
        version = np.lib.format.read_magic(member)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"{entry.filename} has format {version}, not (1, 0) or (2, 0)")
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read_header(member)
        if dtype.hasobject:
            raise ValueError(f"{entry.filename} holds pickled objects, which are not opened")
        n_bytes = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or n_bytes != entry.file_size - member.tell():
            raise ValueError(
                f"{entry.filename} does not have the number of bytes that its shape {shape} needs"
            )
        numbers = np.frombuffer(bytearray(member.read(n_bytes)), dtype)
    return numbers.reshape(shape, order="F" if is_fortran else "C")
