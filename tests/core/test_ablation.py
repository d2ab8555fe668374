"""Interventions: a gate of 1 changes nothing, a batch of gates is each alone."""

import pytest
import torch
from torch.testing import assert_close

from core.ablation import head_gates
from core.model import probing, record
from core.records import KINDS
from core.tracing import attention_tap, n_layers
from tests.core.helpers import random_ids

SOURCE, TARGET = random_ids(2, 7), random_ids(2, 5, seed=2)
B = 2


def ones(model, kind, rows=1):
    return torch.ones(rows, n_layers(model.config, kind), model.config.n_heads)


def logits(model, gates, source=SOURCE, target=TARGET):
    with torch.no_grad(), probing(model, head_gates(gates)):
        return model(source, target)


def test_a_gate_of_1_changes_nothing(model):
    with torch.no_grad():
        plain = model(SOURCE, TARGET)
    gates = {kind: ones(model, kind) for kind in KINDS}
    assert_close(logits(model, gates), plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_is_run_under_its_own_gates(model, kind):
    gates = torch.rand(B, n_layers(model.config, kind), model.config.n_heads)
    together = logits(model, {kind: gates})
    for row in range(B):
        one = slice(row, row + 1)
        alone = logits(model, {kind: gates[one]}, SOURCE[one], TARGET[one])
        assert_close(together[one], alone, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_gate_of_0_switches_one_head_off(model, kind):
    """That head brings nothing, the others of its layer what they brought, and lower layers stay."""
    gates = ones(model, kind)
    gates[0, 1, 3] = 0
    names = [attention_tap(kind, layer, "head_outputs") for layer in range(2)]
    with torch.no_grad(), probing(model, record(*names)) as plain:
        model(SOURCE, TARGET)
    with torch.no_grad(), probing(model, head_gates({kind: gates}), record(*names)) as seen:
        model(SOURCE, TARGET)
    assert torch.equal(seen[names[0]], plain[names[0]])
    assert (seen[names[1]][:, 3] == 0).all()
    others = [0, 1, 2, 4]
    assert_close(seen[names[1]][:, others], plain[names[1]][:, others], rtol=0, atol=1e-12)


def test_kinds_that_are_not_named_stay(model):
    off = {"cross": torch.zeros(1, 3, 5)}
    with probing(model, head_gates(off), record("*.head_outputs")) as seen:
        model(SOURCE, TARGET)
    for layer in range(3):
        assert (seen[attention_tap("cross", layer, "head_outputs")] == 0).all()
        assert (seen[attention_tap("decoder", layer, "head_outputs")] != 0).any()


def test_gates_of_more_layers_than_the_model_has_are_refused(model):
    with pytest.raises(KeyError, match=r"no tap is called 'encoder\.layers\.2\."):
        logits(model, {"encoder": torch.ones(1, 3, 5)})
