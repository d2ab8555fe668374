"""A text captured in batches is each pair captured alone."""

import numpy as np
import pytest
import torch

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.trace.capture import capture
from core.analysis.trace.capture_corpus import capture_corpus, real_positions
from core.model import probing
from core.text import batches
from tests.core.helpers import sentences

SOURCES, TARGETS = sentences(7, 2, 11, 5, 3), sentences(3, 9, 1, 6, 8, seed=17)
TAPS = ["*.weights", "*.head_outputs"]


def alone(model, pair):
    """What is recorded of one pair by itself."""
    ids = model.config.ids
    source = torch.tensor([[*SOURCES[pair], ids.end]])
    return capture(model, source, torch.tensor([[ids.start, *TARGETS[pair]]]), TAPS)


def unpadded(captured, name, row):
    """A recorded tensor of one pair, cut to its own positions."""
    tensor = captured.seen[name][row]
    n_source, n_steps = captured.source_is_real[row].sum(), captured.step_is_real[row].sum()
    n_queries = n_source if name.startswith("encoder") else n_steps
    if name.endswith("head_outputs"):
        return tensor[:, :n_queries]
    n_keys = n_steps if "decoder" in name and "self_attention" in name else n_source
    return tensor[:, :n_queries, :n_keys]


@pytest.mark.parametrize("tokens_at_once", [20, 4_000])
@pytest.mark.parametrize("ablation", ["", "cross.L1H2=0,enc.L2.ffn=skip"])
def test_every_pair_in_its_batch_is_as_alone(model, monkeypatch, tokens_at_once, ablation):
    monkeypatch.setattr(batches, "TOKENS_AT_ONCE", tokens_at_once)
    edits = [ablating(model, [Ablation.parse(ablation)])] if ablation else []
    seen = []
    with probing(model, *edits):
        for captured in capture_corpus(model, SOURCES, TARGETS, TAPS):
            for row, pair in enumerate(captured.indices):
                expected = alone(model, pair)
                assert set(captured.seen) == set(expected)
                for name in expected:
                    torch.testing.assert_close(unpadded(captured, name, row), expected[name][0])
                seen.append(int(pair))
    assert sorted(seen) == list(range(len(SOURCES)))
    assert seen != sorted(seen)  # batched by length: rows are not the order of the text


def test_nothing_is_probed_while_a_batch_is_looked_at(model):
    tap = model.encoder.layers[0].self_attention.weights
    for _ in capture_corpus(model, SOURCES, TARGETS, TAPS):
        assert not tap.is_probed


def test_real_positions_leave_padding_out(model):
    name = "decoder.layers.0.cross_attention.head_outputs"
    (captured,) = capture_corpus(model, SOURCES, TARGETS, [name])
    found = real_positions(captured, captured.seen[name], of_source=False)
    assert len(found) == sum(len(target) + 1 for target in TARGETS)
    by_hand = np.concatenate(
        [alone(model, pair)[name][0].transpose(0, 1).numpy() for pair in captured.indices]
    )
    assert found.numpy() == pytest.approx(by_hand)


def test_a_text_without_pairs_has_no_batches(model):
    assert list(capture_corpus(model, [], [], TAPS)) == []
