"""What a figure was measured on: the machine, the versions, and how fast it multiplies matrices."""

import importlib.metadata
import os
import platform
import time

import torch

from core.device import cpu_name

N_ROWS, N_COLUMNS, N_PRODUCTS, ENOUGH_S = 1_024, 1_024, 12, 2.0
PACKAGES = ("torch", "transformers", "ctranslate2", "bertviz")


def described() -> dict[str, object]:
    """Processor, cores and versions."""
    return {
        "processor": cpu_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def matmul_peak(dtype: torch.dtype) -> float:
    """GFLOP/s of a large square matrix product on one thread, the best of some."""
    torch.set_num_threads(1)
    left, right = (torch.randn(N_ROWS, N_COLUMNS).to(dtype) for _ in range(2))
    times: list[float] = []
    while len(times) < N_PRODUCTS and sum(times) < ENOUGH_S:
        started_s = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started_s)
    return 2 * N_ROWS * N_COLUMNS**2 / min(times) / 1e9
