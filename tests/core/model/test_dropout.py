"""Section 5.4: zero some numbers, scale the others, in training only."""

import math

import pytest
import torch

from core.model import build
from core.model.dropout import Dropout
from tests.core.helpers import random_ids, small_config

N = 200_003


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


@pytest.mark.parametrize("p_dropout", [0.1, 0.3, 0.5, 0.9])
def test_so_many_are_dropped_and_the_expectation_stays(p_dropout):
    dropped = Dropout(p_dropout).train()(torch.ones(N, dtype=torch.float64))
    deviation = math.sqrt(p_dropout * (1 - p_dropout) / N)
    assert (dropped == 0).double().mean().item() == pytest.approx(p_dropout, abs=5 * deviation)
    kept = dropped[dropped != 0]
    assert kept.unique().numel() == 1
    assert kept[0].item() == pytest.approx(1 / (1 - p_dropout), rel=1e-4)
    assert dropped.mean().item() == pytest.approx(1, abs=5 * deviation / (1 - p_dropout))


@pytest.mark.parametrize("p_dropout", [0.1, 0.3, 1 / 3])
def test_rate_and_scale_agree_exactly(p_dropout):
    """p is rounded to 1/65536; the scale must be that of the rounded one."""
    dropped = Dropout(p_dropout).train()(torch.ones(N, dtype=torch.float64))
    kept_share = 1 / dropped.max().item()
    assert kept_share * 65_536 == pytest.approx(round(kept_share * 65_536), abs=1e-9)
    assert round(kept_share * 65_536) + round(p_dropout * 65_536) == 65_536


def test_neighbours_are_dropped_independently():
    """Four decisions come from one drawn word; none may tell of another."""
    dropped = (Dropout(0.5).train()(torch.ones(N)) == 0).double() - 0.5
    for distance in range(1, 9):
        correlation = (dropped[distance:] * dropped[:-distance]).mean().item() * 4
        assert abs(correlation) < 5 / math.sqrt(N)


def test_evaluation_changes_nothing():
    numbers = torch.randn(3, 5, 7)
    assert Dropout(0.9).eval()(numbers) is numbers


def test_no_dropout_draws_no_random_number():
    before = torch.get_rng_state()
    numbers = torch.randn(3)
    torch.set_rng_state(before)
    assert Dropout(0.0).train()(numbers) is numbers
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", [(), (1,), (3, 5, 7), (0, 5)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_shape_and_type_stay(shape, dtype):
    dropped = Dropout(0.3).train()(torch.ones(shape, dtype=dtype))
    assert (dropped.shape, dropped.dtype) == (shape, dtype)


def test_a_gradient_flows_where_numbers_were_kept():
    numbers = torch.ones(N, requires_grad=True)
    dropped = Dropout(0.3).train()(numbers)
    dropped.sum().backward()
    assert torch.equal(numbers.grad, dropped.detach())


def test_the_seed_decides_what_is_dropped():
    layer = Dropout(0.5).train()

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return layer(torch.ones(101))

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(5))


def test_a_model_drops_at_every_sublayer_and_both_feet():
    """On each sub-layer's output and on the sums of embedding and position."""
    model = build(small_config(p_dropout=0.1))
    places = [name for name, module in model.named_modules() if isinstance(module, Dropout)]
    n_encoder, n_decoder = model.config.n_encoder_layers, model.config.n_decoder_layers
    assert len(places) == 2 + 2 * n_encoder + 3 * n_decoder
    source, target = random_ids(2, 7), random_ids(2, 5)
    model.train()
    assert not torch.equal(model(source, target), model(source, target))
    model.eval()
    assert torch.equal(model(source, target), model(source, target))


@pytest.mark.gpu
def test_so_many_are_dropped_on_a_gpu():
    dropped = Dropout(0.3).train()(torch.ones(N, device="cuda"))
    assert (dropped == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
