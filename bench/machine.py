"""What a figure was measured on: the machine, the versions, and how fast it multiplies matrices."""

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable

import torch

from core.system.device import cpu_name

N, N_PRODUCTS, ENOUGH_S = 1_024, 12, 2.0
PRODUCT_FLOPS = 2 * N**3
PACKAGES = ("torch", "transformers", "ctranslate2", "bertviz")


def described() -> dict[str, object]:
    """Processor, cores and versions."""
    return {
        "processor": cpu_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def product(dtype: torch.dtype) -> Callable[[], object]:
    """A large square matrix product on one thread, to be run and timed."""
    torch.set_num_threads(1)
    left, right = (torch.randn(N, N).to(dtype) for _ in range(2))
    return lambda: left @ right


def matmul_peak(dtype: torch.dtype) -> float:
    """GFLOP/s of that product, the best of some."""
    multiply = product(dtype)
    times: list[float] = []
    while len(times) < N_PRODUCTS and sum(times) < ENOUGH_S:
        started_s = time.perf_counter()
        multiply()
        times.append(time.perf_counter() - started_s)
    return PRODUCT_FLOPS / min(times) / 1e9
