"""What a file says it holds is what the configuration asks for, before a weight is read."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from core.checkpoint.header import MOST_HEADER_BYTES, read_shapes, require_fit, tensor_shapes
from core.model import build
from tests.core.helpers import small_config

A = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
B = {"dtype": "F16", "shape": [5], "data_offsets": [24, 34]}


def written(file: Path, header: object, n_data: int = 34) -> Path:
    text = (header if isinstance(header, str) else json.dumps(header)).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(n_data))
    return file


@pytest.mark.parametrize("positions", ["sinusoidal", "sinusoidal_halves", "learned", "none"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("layers", [(1, 1), (2, 3), (4, 1)])
@pytest.mark.parametrize(
    "marks", [{}, {"separator_id": 41, "retry_id": 42}], ids=["plain", "drafts"]
)
def test_shapes_are_those_of_the_model_that_is_built(
    positions: str, bias: bool, layers: tuple[int, int], marks: dict[str, int]
) -> None:
    config = small_config(
        positions=positions, attention_bias=bias, output_bias=bias,
        n_encoder_layers=layers[0], n_decoder_layers=layers[1],
        **marks,
    )  # fmt: skip
    state = {name: tuple(tensor.shape) for name, tensor in build(config).state_dict().items()}
    assert dict(tensor_shapes(config)) == state


def test_shapes_are_those_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    tensors = {
        "a": torch.zeros(2, 3),
        "b": torch.zeros(5, dtype=torch.float16),
        "c": torch.zeros(()),
    }
    safetensors.torch.save_file(tensors, file, metadata={"format": "pt"})
    assert read_shapes(file) == {"a": (2, 3), "b": (5,), "c": ()}
    assert read_shapes(written(file, {"a": A, "b": B})) == {"a": (2, 3), "b": (5,)}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("[]", "its header must be an object"), ("3", "its header must be an object"),
        ({"a": 3}, r"its header\.a must be an object"), ({"a": {}}, "must be an object with"),
        ({"a": {**A, "shape": {}}}, r"header\.a\.shape must be a list"),
        ({"a": {**A, "shape": [2, "3"]}}, r"header\.a\.shape\[1\] must be a whole number"),
        ({"a": {**A, "data_offsets": [0]}}, r"data_offsets must be a list of 2"),
        ({"a": {**A, "dtype": "I64"}, "b": B}, "a holds I64, but weights are one of F64, F32"),
        ({"a": {**A, "shape": [2, 4]}, "b": B}, r"a of shape \[2, 4\] does not fill bytes 0 to 24"),
        ({"a": {**A, "shape": [-2, -3]}, "b": B}, r"a of shape \[-2, -3\] does not fill"),
        ({"a": A, "b": {**B, "data_offsets": [14, 24]}}, "b of shape .* does not fill bytes 14"),
        ({"a": A}, "it has .* bytes, its header says"),
        ("[" * 100_000, "nested too deeply"),
        ("{}", "it has .* bytes, its header says"),
    ],
)  # fmt: skip
def test_another_header_is_refused(tmp_path: Path, header: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_shapes(written(tmp_path / "weights", header))


@pytest.mark.parametrize("n_kept", [0, 4, 100, -1])
def test_truncated_weights_are_refused(tmp_path: Path, n_kept: int) -> None:
    file = written(tmp_path / "weights", {"a": A, "b": B})
    file.write_bytes(file.read_bytes()[:n_kept])
    with pytest.raises(ValueError, match=r"truncated|its header says"):
        read_shapes(file)


def test_a_header_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    with file.open("wb") as opened:
        opened.write((10**12).to_bytes(8, "little"))
        opened.truncate(2 * 10**12)  # a hole: no disk holds so much
    with pytest.raises(ValueError, match=f"{MOST_HEADER_BYTES:,} is the most"):
        read_shapes(file)


def test_the_first_tensor_that_does_not_fit_ends_the_comparison() -> None:
    """A billion layers take no longer than the file's."""
    shapes = dict(tensor_shapes(small_config()))
    require_fit(shapes, small_config())
    with pytest.raises(ValueError, match=r"^lacks the tensor encoder\.layers\.2\."):
        require_fit(shapes, small_config(n_encoder_layers=10**9))
    with pytest.raises(
        ValueError, match=r"has \S+ of \(17, 26\), but config\.json asks for \(19, 26\)"
    ):
        require_fit(shapes, small_config(d_ff=19))
    with pytest.raises(
        ValueError, match=r"^holds tensors .* does not ask for: \['decoder\.layers\.2"
    ):
        require_fit(shapes, small_config(n_decoder_layers=2))


def test_a_header_of_the_most_bytes_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "weights", {"a": A, "b": B})
    n_header = file.stat().st_size - 8 - 34
    monkeypatch.setattr("core.checkpoint.header.MOST_HEADER_BYTES", n_header)
    assert read_shapes(file) == {"a": (2, 3), "b": (5,)}
    monkeypatch.setattr("core.checkpoint.header.MOST_HEADER_BYTES", n_header - 1)
    with pytest.raises(ValueError, match=f"{n_header} bytes; {n_header - 1} is the most"):
        read_shapes(file)
