"""The pass without modules equals the pass with them, and serves no one it must not serve."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.testing import assert_close

from core.checkpoint.folder import model_with
from core.model import edit, inference, probing, record
from core.model.taps import Tap
from tests.core.helpers import random_ids, small_config, small_model

SOURCE, TARGET = random_ids(3, 7), random_ids(3, 5, seed=2)
SOURCE[0, 4:] = 0  # padding
SHAPES = [
    {},
    {"n_heads": 1},
    {"attention_bias": True, "output_bias": True, "activation": "silu"},
    {"positions": "learned", "layer_norm_epsilon": 0.1},
    {"positions": "sinusoidal_halves", "n_encoder_layers": 1},
    {"positions": "none", "p_dropout": 0.4},
]
DEEPER = "decoder.layers.1.self_attention.scores"
"""A tap that only the modules have."""


@pytest.fixture
def passes(monkeypatch):
    """Counts what was run without modules."""
    seen = []
    for stack in (inference.BareEncoder, inference.BareDecoder):

        def counted(self, *arguments, original=stack.__call__, name=stack.__name__):
            seen.append(name)
            return original(self, *arguments)

        monkeypatch.setattr(stack, "__call__", counted)
    return seen


@torch.no_grad()
def run(model, *probes):
    """Logits, and what was recorded."""
    with probing(model, *probes) as seen:
        return model(SOURCE, TARGET), dict(seen)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equal_to_the_modules_whatever_their_kernel(shape, passes):
    model = small_model(small_config(**shape))
    plain, _ = run(model)
    assert passes == ["BareEncoder", "BareDecoder"]
    explicit, _ = run(model, record("*"))
    fused, _ = run(model, record("*.feed_forward.hidden"))
    assert len(passes) == 2
    for other in (explicit, fused):
        assert_close(plain, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_weights_and_values_are_those_of_the_modules(shape, passes):
    model = small_model(small_config(**shape))
    wanted = record("*.weights", "*.values")
    _, recorded = run(model, wanted)
    assert passes
    _, deeper = run(model, wanted, record(DEEPER))
    assert recorded.keys() == deeper.keys() - {DEEPER}
    for name, tensor in recorded.items():
        assert_close(tensor, deeper[name], rtol=0, atol=1e-12)


def test_edited_weights_have_the_same_effect(passes):
    model = small_model(small_config())
    reverse = edit({"*.cross_attention.weights": lambda weights: weights.flip(1)})
    plain, (edited, _) = run(model)[0], run(model, reverse)
    assert len(passes) == 4
    by_modules, _ = run(model, reverse, record(DEEPER))
    assert_close(edited, by_modules, rtol=0, atol=1e-10)
    assert (edited - plain).abs().max() > 1e-3


def changed(tensor):
    """Other positions, other rows of a batch skipped, other numbers."""
    if tensor.dtype == torch.bool:
        return tensor | (torch.arange(len(tensor)) == 1)[:, None, None]
    return tensor + 1 if tensor.dtype == torch.int64 else 1.5 * tensor


TAPS = sorted(
    name
    for name, module in small_model(small_config()).named_modules()
    if isinstance(module, Tap) and module.in_inference
)


@pytest.mark.parametrize("name", TAPS)
def test_every_tap_of_it_does_what_the_modules_do(passes, name):
    model = small_model(small_config())
    plain, (edited, seen) = run(model)[0], run(model, edit({name: changed}), record(name))
    assert passes == 2 * ["BareEncoder", "BareDecoder"]
    by_modules, deeper = run(model, edit({name: changed}), record(name, DEEPER))
    assert_close(edited, by_modules, rtol=0, atol=1e-10)
    assert_close(seen[name], deeper[name], rtol=0, atol=1e-12)
    assert (edited - plain).abs().max() > 1e-3


def test_step_by_step_with_some_steps_by_modules():
    """A state begun without modules goes on with them, and back."""
    model = small_model(small_config())
    with torch.no_grad():
        state = model.start(model.encode(SOURCE))
        rows = []
        for step, token in enumerate(TARGET.T):
            probes = [record(DEEPER)] if step % 2 else []
            with probing(model, *probes) as seen:
                decoded = model.decode(token[:, None], state)
            assert (DEEPER in seen) == bool(probes)
            state = decoded.state
            rows.append(model.logits(decoded.stream))
        assert_close(torch.cat(rows, dim=1), model(SOURCE, TARGET), rtol=0, atol=1e-11)


def test_left_to_the_modules(passes):
    model = small_model(small_config())
    model(SOURCE, TARGET)  # gradients
    with torch.no_grad():
        model.train()
        model(SOURCE, TARGET)  # dropout
        model.eval()
        model(torch.zeros_like(SOURCE), TARGET)  # nothing to look at
    assert passes == []
    state = model.start(model.encode(SOURCE))
    assert state.bare is None
    with torch.no_grad():
        state = model.start(model.encode(SOURCE))
    model.decode(TARGET, state)  # gradients, from a state made without
    assert passes == ["BareEncoder"]


def test_a_replaced_parameter_is_not_missed(passes):
    model = small_model(small_config())
    plain, _ = run(model)
    layer = model.decoder.layers[1].cross_attention.value_projection

    class Doubled(nn.Module):
        def forward(self, weight):
            return 2 * weight

    parametrize.register_parametrization(layer, "weight", Doubled())
    doubled, _ = run(model)
    assert passes == 2 * ["BareEncoder", "BareDecoder"]
    assert_close(doubled, run(model, record("*"))[0], rtol=0, atol=1e-10)
    assert (doubled - plain).abs().max() > 1e-3


def test_autocast_is_close():
    model = small_model(small_config()).float()
    exact, _ = run(model)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, _ = run(model)
    assert (rounded - exact).abs().max() < 0.1 * exact.abs().max()


def test_how_matrices_are_stored_changes_no_number():
    config = small_config(output_bias=True, d_ff=61)
    model = small_model(config).float()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    stored = model_with(config, weights)
    assert not stored.embedding.weight.is_contiguous()
    feed_forward = stored.decoder.layers[0].feed_forward
    assert feed_forward.inner.weight.t().is_contiguous()  # it widens
    assert feed_forward.outer.weight.is_contiguous()
    for name, tensor in stored.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    assert_close(run(stored)[0], run(model)[0], rtol=0, atol=1e-4)
