"""Weights in safetensors files: written, read, averaged."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from core.checkpoint.required import CheckpointError
from core.model import Transformer
from core.system.arrays import require_unpacked


def weights_hash(model: Transformer) -> str:
    """A hash of all weights, so that two steps of one training count as two models."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()[:16]


def save_weights(weights: Mapping[str, Tensor], file: Path, *, half: bool) -> None:
    """Write tensors as float32, or as float16 if `half`."""
    tensors = _stored(weights, half)
    file.write_bytes(safetensors.torch.save(tensors))  # save_file's would be unreadable to others


def holds_weights(file: Path, weights: Mapping[str, Tensor], *, half: bool) -> bool:
    """Whether a file holds the tensors that `save_weights` would write.

    Raises:
        CheckpointError: if the file is missing or not a complete safetensors file.
    """
    found, tensors = read_tensors(file), _stored(weights, half)
    return found.keys() == tensors.keys() and all(
        found[name].dtype == tensor.dtype and found[name].equal(tensor)
        for name, tensor in tensors.items()
    )


def _stored(weights: Mapping[str, Tensor], half: bool) -> dict[str, Tensor]:
    dtype = torch.float16 if half else torch.float32
    return {name: t.detach().to("cpu", dtype).contiguous() for name, t in weights.items()}


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Read the tensors of a weight file.

    Raises:
        CheckpointError: if the file is missing, is not a complete safetensors file, or holds
            numbers that are not floating-point.
    """
    tensors = _read_pytorch(file) if file.suffix == ".bin" else _read_safetensors(file)
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise CheckpointError(
                f"{file}: {name} holds {str(tensor.dtype).removeprefix('torch.')} numbers; weights "
                "are floating-point numbers, so save them as float32 or float16"
            )
    return tensors


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(file)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{file} cannot be read, it may be truncated: {error}") from None


def _read_pytorch(file: Path) -> dict[str, Tensor]:
    """Tensors that PyTorch saved; nothing but tensors is unpickled."""
    try:
        require_unpacked(file)
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, whose texts advise to unpickle anything
        raise CheckpointError(
            f"{file} cannot be read ({type(error).__name__}); it must be a file of torch.save that holds "
            "tensors by name, and nothing else"
        ) from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{file} holds no tensors by name")
    return {
        str(name): tensor
        for name, tensor in found.items()
        if isinstance(tensor, Tensor) and tensor.layout == torch.strided and not tensor.is_meta
    }


def average_weights(files: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of several weight files (section 6.1), computed in float64.

    Raises:
        CheckpointError: if there is no file, or two differ in names or shapes.
    """
    if not files:
        raise CheckpointError("no weights to average")
    total: dict[str, Tensor] = {}
    for file in files:
        weights = read_tensors(file)
        shapes = {name: tensor.shape for name, tensor in weights.items()}
        if total and shapes != {name: tensor.shape for name, tensor in total.items()}:
            raise CheckpointError(
                f"{file} holds other tensors than {files[0]}; cannot average them"
            )
        for name, tensor in weights.items():
            total[name] = total.get(name, 0) + tensor.double() / len(files)
    return {name: tensor.float() for name, tensor in total.items()}
