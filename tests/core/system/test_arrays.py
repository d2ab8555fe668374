"""An .npz file ends in its arrays or in a sentence, and never in more memory than was allowed."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.system.arrays import read_arrays

ARRAYS = {
    "numbers": np.arange(6, dtype=np.float32).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "text": np.array("Straße"),
    "nothing": np.zeros((3, 0)),
    "one": np.array(7),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.savez_compressed(tmp_path / "some.npz", allow_pickle=False, **ARRAYS)
    return tmp_path / "some.npz"


def entry(shape: tuple[int, ...], n_bytes: int, dtype: str = "<f4") -> bytes:
    header = io.BytesIO()
    fields = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue() + bytes(n_bytes)


def written(file: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)
    return file


def test_arrays_are_those_that_were_saved(file: Path) -> None:
    found = read_arrays(file)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    found["numbers"][0, 0] = 9  # they may be written to


def test_what_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    file = written(tmp_path / "bomb.npz", a=entry((10**8,), 4 * 10**8))
    assert file.stat().st_size < 10**6
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"^it unpacks to 400,000,128 bytes; 1,000,000 is the"):
            read_arrays(file, 10**6)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_a_size_that_the_archive_lies_about_unpacks_to_no_more(tmp_path: Path) -> None:
    """Archive and header say 1,000 bytes; the data are 100 million zeros."""
    content = entry((250,), 10**8)
    n_header = len(content) - 10**8
    file = written(tmp_path / "lie.npz", a=content)
    whole = file.read_bytes()
    true = len(content).to_bytes(4, "little")
    assert whole.count(true) == 2  # beside the data, and in the directory
    file.write_bytes(whole.replace(true, (n_header + 1_000).to_bytes(4, "little")))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"^it is not a complete \.npz file: Bad CRC-32"):
            read_arrays(file, 10**6)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (entry((10**12,), 40), r"a\.npy does not have the number of bytes that its shape \(1000000000000,\) needs"),
        (entry((11,), 40), r"a\.npy does not have the number of bytes that its shape \(11,\)"),
        (entry((-1, -10), 40), r"a\.npy does not have the number of bytes"),
        (entry((1,), 8, "|O"), r"a\.npy holds pickled objects, which are not opened"),
        (b"x" * 100, "magic string"), (b"", "magic|EOF"),
        (b"\x93NUMPY\x09\x00" + bytes(50), r"a\.npy has format \(9, 0\)"),
    ],
)  # fmt: skip
def test_a_header_is_held_against_its_data(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_arrays(written(tmp_path / "a.npz", a=content))


def test_damaged_files_are_refused(file: Path) -> None:
    whole = file.read_bytes()
    for n_kept in (0, 10, len(whole) // 2, len(whole) - 5):
        file.write_bytes(whole[:n_kept])
        with pytest.raises(ValueError, match=r"^it is not a complete \.npz file: "):
            read_arrays(file)
    with pytest.raises(ValueError, match=r"^it is not a complete \.npz file: .*No such file"):
        read_arrays(file.with_name("none"))
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read_arrays(file)
        except ValueError:
            continue
