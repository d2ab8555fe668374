"""Which device and which precision."""

import platform

import pytest
import torch

from core.system.device import choose_device, choose_dtype, product_time_s
from tests.core.helpers import run_python

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))


@pytest.fixture
def has(monkeypatch):
    def choose(*, cuda=False, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return choose


def test_auto_takes_cuda_then_mps_then_the_cpu(has):
    has(cuda=True, mps=True)
    assert choose_device("auto", local_rank=3) == torch.device("cuda", 3)
    has(mps=True)
    assert choose_device("auto") == MPS
    has()
    assert choose_device("auto") == choose_device() == CPU


def test_a_named_device_is_taken(has):
    has(cuda=True, mps=True)
    assert choose_device("cpu") == CPU
    assert choose_device("mps") == MPS
    assert choose_device("cuda") == torch.device("cuda", 0)


@pytest.mark.parametrize("name", ["cuda", "mps", "tpu"])
def test_a_device_that_is_not_there_is_named(has, name):
    has()
    with pytest.raises(ValueError, match=rf"^device='{name}' is not available here; use cpu, or"):
        choose_device(name)


@pytest.mark.parametrize("device", [CPU, CUDA, MPS], ids=str)
@pytest.mark.parametrize("name", ["float32", "bfloat16", "float64"])
def test_a_named_precision_is_taken(device, name):
    assert choose_dtype(name, device) == getattr(torch, name)


@pytest.mark.parametrize("supported", [True, False])
def test_auto_is_bfloat16_where_cuda_has_it(monkeypatch, supported):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    assert choose_dtype("auto", CUDA) == (torch.bfloat16 if supported else torch.float32)
    assert choose_dtype("auto", MPS) == torch.float32


@pytest.mark.parametrize("capability", ["avx512_bf16", "amx_bf16"])
@pytest.mark.parametrize(
    ("bfloat16_s", "expected"), [(0.5, torch.bfloat16), (0.9, torch.float32), (2.0, torch.float32)]
)
def test_a_cpu_takes_bfloat16_if_it_multiplies_it_faster(
    monkeypatch, capability, bfloat16_s, expected
):
    times_s = {torch.float32: 1.0, torch.bfloat16: bfloat16_s}
    monkeypatch.setattr("core.system.device.product_time_s", times_s.get)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: True})
    assert choose_dtype("auto", CPU) == expected
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {capability: False})
    assert choose_dtype("auto", CPU) == torch.float32


def test_a_product_takes_time():
    assert 0 < product_time_s(torch.float32) < 1


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="until other mallocs are told too")
@pytest.mark.parametrize("is_kept", [True, False])
def test_freed_memory_stays_with_the_process(is_kept):
    """malloc's settings are a process's own, so this one is asked in another process."""
    run_python(
        """
        import os
        import sys
        from pathlib import Path
        import torch
        from core.system.device import keep_freed_memory

        def resident_bytes():
            n_pages = int(Path("/proc/self/statm").read_text().split()[1])
            return n_pages * os.sysconf("SC_PAGE_SIZE")

        is_kept = sys.argv[1] == "True"
        if is_kept:
            keep_freed_memory()
        before, n_bytes = resident_bytes(), 1 << 26
        tensor = torch.ones(n_bytes // 4)
        assert resident_bytes() - before > 0.9 * n_bytes
        del tensor
        assert (resident_bytes() - before > 0.9 * n_bytes) == is_kept
        """,
        str(is_kept),
    )
