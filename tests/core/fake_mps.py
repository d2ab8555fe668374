"""A device without float64, simulated on the CPU: what fails on Apple's MPS fails here."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

CPU, MPS = torch.device("cpu"), torch.device("mps")


class FakeMPS(TorchFunctionMode):
    """Inside, every tensor is on `mps` but those that are made without a device, or moved to the CPU.

    What lies on `mps` is never float64, is not read by NumPy, and does not meet what lies on the CPU.
    """

    def __enter__(self) -> Any:
        generator = torch.Generator
        self._patch = mock.patch.object(torch, "Generator", side_effect=lambda *_: generator())
        self._patch.start()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._patch.stop()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        tensors = list(_tensors((args, kwargs)))
        if func == Tensor.device.__get__:  # type: ignore[attr-defined]
            return CPU if _on_cpu(args[0]) else MPS
        if func in (Tensor.numpy, Tensor.__array__) and not _on_cpu(args[0]):
            raise TypeError("can't convert mps:0 device type tensor to numpy")
        if func in (Tensor.cpu, Tensor.to):
            return self._moved(func, args, kwargs)
        device = kwargs.pop("device", None)
        made = func(*args, **kwargs)
        where = {_on_cpu(tensor) for tensor in tensors if tensor.dim()}
        if len(where) > 1 and func not in (Tensor.__getitem__, Tensor.__setitem__):
            raise RuntimeError(f"{func}: tensors on both mps:0 and cpu")
        on_cpu = where == {True} if device is None and where else device in (None, CPU, "cpu")
        return _placed(made, on_cpu)

    def _moved(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensor, *rest = args
        on_cpu = True if func is Tensor.cpu else _on_cpu(tensor)
        left = []
        for value in (*rest, kwargs.pop("device", None)):
            if isinstance(value, Tensor):
                on_cpu = _on_cpu(value)
                left.append(value.dtype)
            elif isinstance(value, torch.device | str):
                on_cpu = torch.device(value) == CPU
            elif value is not None:
                left.append(value)
        moved = tensor.to(*left, **kwargs) if left or kwargs else tensor
        return _placed(moved.view_as(moved), on_cpu)


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)


def _on_cpu(tensor: Tensor) -> bool:
    return tensor.__dict__.get("on_cpu", False)


def _placed(made: Any, on_cpu: bool) -> Any:
    for tensor in _tensors(made):
        if not on_cpu and tensor.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        tensor.__dict__["on_cpu"] = on_cpu
    return made
