"""Files of weights: the average is the mean, and only of equal shapes."""

import shutil
import zipfile

import pytest
import safetensors.torch
import torch
from torch.testing import assert_close

from core.checkpoint.required import CheckpointError
from core.checkpoint.weights import average_weights, holds_weights, read_tensors, save_weights


def weight_files(tmp_path, *weights):
    files = []
    for number, tensors in enumerate(weights):
        files.append(tmp_path / f"{number}.safetensors")
        safetensors.torch.save_file(tensors, files[-1])
    return files


def test_an_average_is_the_mean(tmp_path):
    weights = [{"a": torch.randn(3, 5), "b": torch.randn(7)} for _ in range(5)]
    mean = average_weights(weight_files(tmp_path, *weights))
    assert set(mean) == {"a", "b"}
    for name, tensor in mean.items():
        exact = sum(w[name].double() for w in weights) / 5
        assert_close(tensor, exact.float())
        assert tensor.dtype == torch.float32


def test_an_average_is_taken_in_float64(tmp_path):
    """In float32, 2^24 + 1 is 2^24."""
    numbers = [2.0**24, 1.0, 1.0, -(2.0**24)]
    files = weight_files(tmp_path, *({"a": torch.tensor([number])} for number in numbers))
    assert average_weights(files)["a"].item() == 0.5


def test_the_average_of_one_is_itself(tmp_path):
    weights = {"a": torch.randn(3, 5)}
    assert torch.equal(average_weights(weight_files(tmp_path, weights))["a"], weights["a"])


def test_only_equal_shapes_have_an_average(tmp_path):
    first, second = weight_files(tmp_path, {"a": torch.zeros(3)}, {"a": torch.zeros(5)})
    with pytest.raises(CheckpointError, match=rf"^{second} holds other tensors than {first}; can"):
        average_weights([first, second])
    (third,) = weight_files(tmp_path, {"b": torch.zeros(3)})
    shutil.copy(third, tmp_path / "third")
    with pytest.raises(CheckpointError, match="holds other tensors"):
        average_weights([second, tmp_path / "third"])


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.bool])
def test_whole_numbers_are_no_weights(tmp_path, dtype):
    (file,) = weight_files(tmp_path, {"a": torch.zeros(3), "b": torch.zeros(3).to(dtype)})
    kind = str(dtype).removeprefix("torch.")
    with pytest.raises(
        CheckpointError, match=rf"^{file}: b holds {kind} numbers; weights are floa"
    ):
        read_tensors(file)


def test_no_files_have_no_average():
    with pytest.raises(CheckpointError, match=r"^no weights to average$"):
        average_weights([])


@pytest.mark.parametrize("half", [True, False])
def test_a_file_holds_the_weights_it_was_written_from(tmp_path, half):
    file, weights = tmp_path / "model.safetensors", {"a": torch.randn(3, 5), "b": torch.randn(7)}
    save_weights(weights, file, half=half)
    assert holds_weights(file, weights, half=half)
    assert not holds_weights(file, weights, half=not half)
    assert not holds_weights(file, {**weights, "b": weights["b"] + 0.1}, half=half)
    assert not holds_weights(file, {**weights, "c": weights["b"]}, half=half)
    assert not holds_weights(file, {"a": weights["a"], "b": torch.randn(6)}, half=half)
    save_weights({"a": torch.ones(3)}, file, half=half)  # the same numbers in either precision
    assert not holds_weights(file, {"a": torch.ones(3)}, half=not half)


def test_a_pytorch_file_that_unpacks_to_more_than_it_is_is_refused(tmp_path, monkeypatch):
    """PyTorch stores tensors as they are; what is compressed may unpack to anything."""
    whole, packed = tmp_path / "whole.bin", tmp_path / "packed.bin"
    torch.save({"a": torch.zeros(10_000)}, whole)
    assert read_tensors(whole).keys() == {"a"}
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    assert torch.load(packed, weights_only=True)["a"].numel() == 10_000  # PyTorch would unpack it
    monkeypatch.setattr(torch, "load", lambda *of, **more: pytest.fail("it was unpacked"))
    with pytest.raises(CheckpointError, match=r"packed\.bin cannot be read \(ValueError\)"):
        read_tensors(packed)
