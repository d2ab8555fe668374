"""Which device and which precision."""

from types import SimpleNamespace

import pytest
import torch
from torch.overrides import TorchFunctionMode

from core.system.device import choose_device, choose_dtype, hardware, product_time_s

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


@pytest.mark.parametrize("bfloat16_is_faster", [True, False])
def test_a_named_precision_is_taken_whatever_is_faster(monkeypatch, bfloat16_is_faster):
    monkeypatch.setattr("core.system.device._bfloat16_is_faster", lambda: bfloat16_is_faster)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16_is_faster)
    for device in (CPU, CUDA):
        for name, bits in (("float32", 32), ("bfloat16", 16), ("float64", 64)):
            assert torch.finfo(choose_dtype(name, device)).bits == bits
    assert choose_dtype("float32", MPS) == torch.float32
    with pytest.raises(
        ValueError, match=r"^precision='float64' is not available on mps; use float"
    ):
        choose_dtype("float64", MPS)


@pytest.mark.parametrize(
    ("in_hardware", "emulated", "expected"),
    [
        (True, True, torch.bfloat16),
        (False, True, torch.float32),  # Turing and older: slower than float32
        (False, False, torch.float32),
    ],
)
def test_auto_is_bfloat16_where_a_gpu_has_it_in_hardware(
    monkeypatch, in_hardware, emulated, expected
):
    def is_supported(including_emulation=True):
        return in_hardware or (including_emulation and emulated)

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert choose_dtype("auto", CUDA) == expected
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


class Products(TorchFunctionMode):
    """Notes every matrix product; each takes as long as the clock is told."""

    def __init__(self, times_s):
        super().__init__()
        self.now_s, self.times_s, self.dtypes = 0.0, iter(times_s), []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__):
            self.now_s += next(self.times_s)
            self.dtypes += [args[0].dtype, args[1].dtype]
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_product_takes_the_time_of_the_quickest_of_ten(monkeypatch, dtype):
    """A hiccup, or the first product's warming up, decides nothing."""
    with Products([90.0, 7.0, 8.0, 3.0, 5.0, 60.0, 3.5, 4.0, 9.0, 6.0]) as products:
        monkeypatch.setattr(
            "core.system.device.time", SimpleNamespace(perf_counter=lambda: products.now_s)
        )
        assert product_time_s(dtype) == 3.0
    assert products.dtypes == [dtype] * 20


@pytest.mark.parametrize(
    ("n_processes", "said"), [("1", "1 process of 1 thread;"), ("4", "4 processes of 1 thread;")]
)
def test_hardware_counts_in_words(monkeypatch, n_processes, said):
    monkeypatch.setenv("WORLD_SIZE", n_processes)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert said in hardware("cpu")
