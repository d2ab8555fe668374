"""Which device, which precision, and how a process uses memory."""

import ctypes
import os
import platform
from typing import Literal

import torch

from core.config import Precision

Device = Literal["auto", "cpu", "cuda", "mps"]


def choose_device(name: str = "auto", local_rank: int = 0) -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        ValueError: if the named device is not there.
    """
    if name in ("auto", "cuda") and torch.cuda.is_available():
        return torch.device("cuda", local_rank)
    if name in ("auto", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    if name in ("auto", "cpu"):
        return torch.device("cpu")
    raise ValueError(
        f"device={name!r} is not available here; use cpu, or auto to take what there is"
    )


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 where the hardware multiplies it fast, float32 elsewhere.

    On a CPU without AVX-512-BF16 or AMX, bfloat16 products are emulated, about ten times slower.
    """
    if precision != "auto":
        return {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float64": torch.float64,
        }[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        fast = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
        return torch.bfloat16 if fast else torch.float32
    return torch.float32


def keep_freed_memory() -> None:
    """Let a training process re-use its memory instead of handing it back after every tensor.

    A training step frees and asks for the same megabytes hundreds of times; with glibc's defaults
    each large tensor is mapped and page-faulted anew. Without that, and with huge pages, a step on
    a CPU takes less time (docs/decisions/0002). No effect outside Linux with glibc.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch reads it at its first allocation
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    mmap_max, top_pad, trim_threshold = -4, -2, -1  # names of malloc.h
    libc.mallopt(mmap_max, 0)
    libc.mallopt(top_pad, 1 << 28)
    libc.mallopt(trim_threshold, (1 << 31) - 1)
