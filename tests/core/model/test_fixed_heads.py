"""Fixed heads: each row is its pattern, written out by hand; learnt heads and decoders are as ever."""

import numpy as np
import pytest
import torch

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.effects.sweeps import every_head, sweep
from core.analysis.trace.capture import ids_of, trace
from core.model import build, probing, record
from core.model.fixed_heads import PATTERNS
from core.model.transformer import attention_tap
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.core.helpers import small_config, small_model

SIZES = {"n_heads": 8, "n_fixed_heads": 7}
SOURCE = torch.tensor([[5, 6, 7, 8, 3, 0, 0], [9, 8, 7, 6, 5, 4, 3]])


@pytest.fixture(scope="module")
def seen():
    model = small_model(small_config(**SIZES))
    with torch.no_grad(), probing(model, record("*.weights", "*.scores")) as seen:
        model(SOURCE, torch.tensor([[2, 5, 6], [2, 7, 8]]))
    return seen


def cubes(*amounts: int) -> np.ndarray:
    raised = np.array(amounts, float) ** 3
    return raised / raised.sum()


@pytest.mark.parametrize("layer", [0, 1])
def test_every_pattern_is_what_its_name_says(seen, layer):
    weights = seen[attention_tap("encoder", layer, "weights")]
    by_name = dict(zip(PATTERNS, weights[0, :7, :5].numpy(), strict=True))
    rows = {
        "itself": [np.eye(7)[n] for n in range(5)],
        "before": [np.eye(7)[n] for n in (0, 0, 1, 2, 3)],
        "after": [np.eye(7)[n] for n in (1, 2, 3, 4, 4)],
        "left": [np.eye(7)[0], np.eye(7)[1], np.eye(7)[0], [*cubes(1, 2), 0, 0, 0, 0, 0],
                 [*cubes(1, 2, 3), 0, 0, 0, 0]],
        "right": [[0, 0, *cubes(3, 2, 1), 0, 0], [0, 0, 0, *cubes(2, 1), 0, 0], np.eye(7)[4],
                  np.eye(7)[3], np.eye(7)[4]],
        "end": [[*cubes(1, 2, 3, 4, 5), 0, 0]] * 5,
        "beginning": [[*cubes(5, 4, 3, 2, 1), 0, 0]] * 5,
    }  # fmt: skip
    for name, expected in rows.items():
        np.testing.assert_allclose(by_name[name], expected, atol=1e-9, err_msg=name)


def test_the_longer_row_of_a_batch_has_patterns_of_its_own_length(seen):
    weights = seen[attention_tap("encoder", 0, "weights")][1]
    np.testing.assert_allclose(weights[5, 2], cubes(1, 2, 3, 4, 5, 6, 7), atol=1e-9)
    np.testing.assert_allclose(weights[6, 2], cubes(7, 6, 5, 4, 3, 2, 1), atol=1e-9)


def test_the_last_head_still_learns_and_the_decoder_has_no_patterns(seen):
    model, free = (small_model(small_config(n_heads=8, n_fixed_heads=n)) for n in (7, 0))
    taps = [attention_tap("encoder", 0, "weights"), attention_tap("decoder", 0, "weights")]
    found = []
    for each in (model, free):
        with torch.no_grad(), probing(each, record(*taps)) as of_each:
            each(SOURCE, torch.tensor([[2, 5, 6], [2, 7, 8]]))
        found.append(of_each)
    np.testing.assert_allclose(found[0][taps[0]][:, 7], found[1][taps[0]][:, 7], atol=1e-12)
    np.testing.assert_allclose(found[0][taps[1]], found[1][taps[1]], atol=1e-12)


def test_a_translation_sees_the_patterns_without_any_probe():
    """The quick path for inference has no patterns, so such a model must not take it."""
    model = small_model(small_config(**SIZES))
    with torch.no_grad():
        slow = model.encode(SOURCE).stream
    with torch.inference_mode():
        np.testing.assert_allclose(model.encode(SOURCE).stream, slow, atol=1e-12)


@pytest.mark.parametrize("n", [-1, 8])
def test_a_number_of_fixed_heads_that_cannot_be_is_named(n):
    with pytest.raises(ValueError, match=f"n_fixed_heads={n} must be "):
        small_config(n_heads=8, n_fixed_heads=n)
    with pytest.raises(ValueError, match="must be at most 5: there are 7 patterns, and a layer"):
        small_config(n_fixed_heads=6)


def test_parameters_are_counted_as_they_are():
    config = small_config(**SIZES)
    assert sum(each.numel() for each in build(config).parameters()) == config.n_parameters


def test_one_mask_serves_many_rows(tmp_path):
    """As a sweep over heads runs them: rows of one sentence under several ablations at once."""
    checkpoint = write_checkpoint(tmp_path / "fixed", n_fixed_heads=2)
    traced = trace(checkpoint.model, checkpoint.vocabulary, SENTENCE)
    swept = sweep(checkpoint.model, traced, every_head(checkpoint.config))
    alone = Ablation.parse("enc.L1H2=0")
    (expected,) = sweep(checkpoint.model, traced, [alone]).delta_nats
    found = dict(zip(map(str, swept.ablations), swept.delta_nats, strict=True))
    assert found["enc.L1H2=0"] == pytest.approx(expected, abs=1e-5)
    with probing(checkpoint.model, ablating(checkpoint.model, [alone])):
        changed = step_log_probabilities(checkpoint.model, traced)
    before = step_log_probabilities(checkpoint.model, traced)
    assert expected == pytest.approx(changed - before, abs=1e-4)


def step_log_probabilities(model, traced) -> float:
    """The log-probability of a traced translation, in nats."""
    source, consumed = ids_of(model, traced)
    with torch.no_grad():
        logits = model(source, consumed)[0].log_softmax(-1)
    written = [piece.id for piece in traced.target.pieces]
    return float(logits[range(len(written)), written].sum())
