"""Operations by formula are those that PyTorch counts while the model runs."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from core.config import SearchConfig
from core.decoding.search import search
from core.model import build
from core.model.attention import KeysValues
from core.model.costs import (
    cache_bytes,
    encoder_operations,
    forced_operations,
    search_operations,
    training_bytes,
    training_operations,
    weight_bytes,
)
from tests.core.helpers import small_config

SHAPES = {
    "asymmetric": {},
    "one head": {"n_heads": 1, "d_k": 5, "d_v": 3},
    "deep": {"n_encoder_layers": 4, "n_decoder_layers": 1, "d_ff": 40},
}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def model(request):
    torch.manual_seed(1)
    return build(small_config(**request.param)).eval()


def counted(run) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def ids(n: int) -> torch.Tensor:
    return torch.arange(4, 4 + n)[None]


@pytest.mark.parametrize(("n_source", "n_target"), [(17, 18), (21, 16), (5, 4)])
def test_a_pass_costs_what_its_products_cost(model, n_source, n_target):
    """Written out as in training, where every product is one that PyTorch counts. Of rows shorter than
    16 the softmax is padded, not the products."""
    source, target = ids(n_source), ids(n_target)
    encoder = counted(lambda: model.encode(source))
    assert encoder == encoder_operations(model.config, n_source)
    forced = counted(lambda: model(source, target))
    assert forced == forced_operations(model.config, n_source, n_target)


def test_a_step_of_training_costs_three_passes(model):
    """But for the first layers' inputs: nothing learns below the embedded tokens of a frozen table."""
    source, target = ids(17), ids(18)
    found = counted(lambda: model(source, target).sum().backward())
    assert found == training_operations(model.config, 17, 18)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_search_costs_its_steps(model, beam_size):
    """The model's random weights hardly ever end a translation before the limit."""
    config = SearchConfig(
        method="beam" if beam_size > 1 else "greedy", beam_size=beam_size, max_extra_pieces=6,
        n_candidates=0,
    )  # fmt: skip
    source = list(range(4, 12))
    found = {}

    def run() -> None:
        (found["result"],) = search(model, [source], config)

    operations = counted(run)
    n_steps = len(found["result"].best.steps)
    expected = search_operations(model.config, len(source) + 1, n_steps, beam_size=beam_size)
    assert operations == pytest.approx(expected, rel=0.25 if beam_size > 1 else 1e-9)


def test_bytes_are_those_of_the_tensors(model):
    config = model.config
    assert weight_bytes(config) == sum(each.numel() * 4 for each in model.parameters())
    assert training_bytes(config) == 4 * weight_bytes(config)
    with torch.no_grad():
        model.train()  # the modules, whose state is the plain one
        state = model.decode(ids(4), model.start(model.encode(ids(6)))).state
    kept = [part for layer in state.layers for part in (layer.cross, layer.past)]
    total = sum(
        tensor.numel() * 4
        for each in kept
        if isinstance(each, KeysValues)
        for tensor in (each.keys, each.values)
    )
    assert total == cache_bytes(config, 6, 4)
