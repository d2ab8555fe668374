"""Choose the device and precision, and name the hardware."""

import os
import platform
import time
from pathlib import Path
from typing import Literal

import torch

from core.config import Precision

Device = Literal["auto", "cpu", "cuda", "mps"]


def choose_device(name: str = "auto", local_rank: int = 0) -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        ValueError: if the named device is not available.
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
    """`auto` is bfloat16 where the hardware multiplies it faster than float32, else float32.

    On a CPU this is measured, in some milliseconds: without AVX-512-BF16 or AMX the products are
    emulated, and with AVX-512-BF16 alone they may still be slower (docs/decisions/0002). Older GPUs
    emulate it too.

    Raises:
        ValueError: if the device does not have the named precision.
    """
    if precision == "float64" and device.type == "mps":
        raise ValueError("precision='float64' is not available on mps; use float32, or the cpu")
    if precision != "auto":
        return {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float64": torch.float64,
        }[precision]
    if device.type == "cuda":
        is_fast = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if is_fast else torch.float32
    if device.type == "cpu":
        return torch.bfloat16 if _bfloat16_is_faster() else torch.float32
    return torch.float32


def in_float64(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as float64, on the CPU if its device, such as Apple's MPS, has no float64."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def _bfloat16_is_faster() -> bool:
    """Whether this CPU's bfloat16 products gain more than the casts around them cost."""
    capabilities = torch.cpu.get_capabilities()
    if not (capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")):
        return False
    return product_time_s(torch.float32) > 1.2 * product_time_s(torch.bfloat16)


def product_time_s(dtype: torch.dtype) -> float:
    """Seconds for one matrix product of a size that training uses, the best of ten."""
    left, right = torch.ones(1_024, 512, dtype=dtype), torch.ones(512, 512, dtype=dtype)
    times = []
    for _ in range(10):
        started_s = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started_s)
    return min(times)


def hardware(device: str) -> str:
    """Device, processes and software, in one line."""
    kind = torch.device(device).type
    name = torch.cuda.get_device_name(device) if kind == "cuda" else cpu_name()
    processes = _counted(int(os.environ.get("WORLD_SIZE", "1")), "process", "processes")
    threads = _counted(torch.get_num_threads(), "thread", "threads")
    return f"{name}; {processes} of {threads}; torch {torch.__version__}"


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def cpu_name() -> str:
    """The model name where the system tells it, else the architecture."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
