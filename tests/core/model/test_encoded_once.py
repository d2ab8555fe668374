"""A batch of sources is encoded once, and never under somebody's probes."""

import pytest
import torch
from torch.testing import assert_close

from core.model import EncodedOnce, edit, probing, reusing
from tests.core.helpers import random_ids, small_config, small_model

SOURCE, TARGET = random_ids(3, 7), random_ids(3, 5, seed=2)
OTHER = random_ids(3, 7, seed=5)


@pytest.fixture
def counted(monkeypatch):
    """A model, and how often its encoder ran."""
    model, runs = small_model(small_config()), []
    encode = model._encode
    monkeypatch.setattr(model, "_encode", lambda *given: (runs.append(1), encode(*given))[1])
    return model, runs


@torch.inference_mode()
def test_the_encoder_runs_once_for_each_batch(counted):
    model, runs = counted
    plain, other = model(SOURCE, TARGET), model(OTHER, TARGET)
    runs.clear()
    with reusing(EncodedOnce()):
        for _ in range(3):
            assert torch.equal(model(SOURCE, TARGET), plain)
            assert torch.equal(model(OTHER, TARGET), other)
    assert len(runs) == 2
    model(SOURCE, TARGET)
    assert len(runs) == 3


@torch.inference_mode()
def test_batches_of_another_shape_are_other_batches(counted):
    model, runs = counted
    with reusing(EncodedOnce()):
        model.encode(SOURCE.reshape(7, 3))
        memory = model.encode(SOURCE)
    assert memory.stream.shape[:2] == SOURCE.shape
    assert len(runs) == 2


@torch.inference_mode()
def test_examples_are_those_of_the_call(counted):
    model, _ = counted
    examples = torch.tensor([4, 4, 9])
    with reusing(EncodedOnce()):
        assert model.encode(SOURCE).examples.tolist() == [0, 1, 2]
        assert model.encode(SOURCE, examples).examples is examples


@torch.inference_mode()
def test_the_encoder_runs_without_the_probes_of_the_first_caller(counted):
    model, _ = counted
    plain = model.encode(SOURCE).stream
    zero = edit({"encoder.layers.0.self_attention.head_outputs": torch.zeros_like})
    with reusing(EncodedOnce()):
        with probing(model, zero):
            probed = model.encode(SOURCE).stream
        assert_close(probed, plain, rtol=0, atol=0)
    with probing(model, zero):
        assert (model.encode(SOURCE).stream - plain).abs().max() > 1e-3
