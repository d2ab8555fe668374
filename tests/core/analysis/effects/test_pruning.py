"""Gradient importance is a finite difference; pruning by it keeps what matters longest."""

import numpy as np
import pytest

from core.analysis.ablation import Ablation, HeadChange
from core.analysis.ablation.edits import ablating
from core.analysis.effects import pruning as pruning_module
from core.analysis.effects.pruning import gate_gradients, head_importance, pruning_curves
from core.analysis.effects.pruning_results import (
    Pruning,
    PruningCurve,
    PruningPoint,
    pruning_order,
    read_pruning,
)
from core.analysis.result_cache import DiskCache
from core.checkpoint.folder import Checkpoint
from core.config import KINDS, SearchConfig
from core.evaluation.likelihood import batch_nll
from core.model import probing
from core.system.files import write_json
from core.text.batches import text_batches
from tests.core.helpers import bare, sentences
from tests.core.planted import HEAD, KIND, LAYER, planted_model

SOURCES, TARGETS = sentences(3, 7, 5), sentences(6, 2, 4, seed=11)
GREEDY = SearchConfig(method="greedy", max_extra_pieces=5)


def test_gate_gradients_are_finite_differences(model):
    """Of every sentence and head, padding among them; a gate of 1 ± ε is a head scaled by as much."""
    [batch] = (each.padded(model.config.ids) for each in text_batches(SOURCES, TARGETS))
    gradients, epsilon = gate_gradients(model, batch), 1e-5
    for kind in KINDS:
        assert gradients[kind].shape == (3, 2 if kind == "encoder" else 3, 5)
        for layer, head in np.ndindex(gradients[kind].shape[1:]):
            losses = []
            for factor in (1 + epsilon, 1 - epsilon):
                ablation = Ablation((HeadChange(kind, layer, head, factor),))
                with probing(model, ablating(model, [ablation])):
                    losses.append(batch_nll(model, batch))
            wanted = (losses[0] - losses[1]) / (2 * epsilon)
            np.testing.assert_allclose(
                gradients[kind][:, layer, head], wanted, rtol=1e-5, atol=1e-6
            )


def test_importance_is_the_mean_of_absolute_gradients(model, monkeypatch):
    """Over sentences, whatever the batches."""
    together = head_importance(bare(model), SOURCES, TARGETS)
    alone = [head_importance(bare(model), [s], [t]) for s, t in zip(SOURCES, TARGETS, strict=True)]
    monkeypatch.setattr("core.text.batches.TOKENS_AT_ONCE", 5)
    in_batches = head_importance(bare(model), SOURCES, TARGETS)
    for kind in KINDS:
        np.testing.assert_allclose(together[kind], np.mean([one[kind] for one in alone], axis=0))
        np.testing.assert_allclose(together[kind], in_batches[kind])
        assert (together[kind] > 0).all()


def test_importance_leaves_no_gradient_on_the_model(model):
    head_importance(bare(model), SOURCES, TARGETS)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_no_text_has_no_importance(model):
    with pytest.raises(ValueError, match="mean over sentence pairs"):
        head_importance(bare(model), [], [])


def test_the_order_compares_heads_within_the_scale_of_their_layer():
    importance = {
        "encoder": np.array([[3.0, 4.0], [300.0, 400.0]]),
        "decoder": np.array([[0.0, 0.0]]),
        "cross": np.array([[1.0, 0.1]]),
    }
    order = [str(Ablation((head,))) for head in pruning_order(importance)]
    assert set(order[:2]) == {"dec.L1H1=0", "dec.L1H2=0"}
    assert order[2:] == [
        "cross.L1H2=0", "enc.L1H1=0", "enc.L2H1=0", "enc.L1H2=0", "enc.L2H2=0", "cross.L1H1=0"
    ]  # fmt: skip


@pytest.fixture(scope="module")
def planted(tokenizer):
    return Checkpoint(planted_model(len(tokenizer.names)), tokenizer)


TEXTS = ("the old man sees a red house", "a small dog", "the cat finds the ball")
COPIES = [(text, text) for text in TEXTS]


def test_a_planted_head_has_the_largest_gradient(planted, tokenizer):
    ids = tokenizer.encode_lines(list(TEXTS))
    wrong = [row[::-1] for row in ids]  # where the model is right, no gradient is left
    importance = head_importance(planted, ids, wrong)
    largest = importance[KIND][LAYER, HEAD]
    importance[KIND][LAYER, HEAD] = 0
    assert max(of_kind.max() for of_kind in importance.values()) < largest / 10


def test_pruning_by_importance_keeps_the_planted_head_longest(planted, tmp_path):
    wrong = [(text, " ".join(reversed(text.split()))) for text in TEXTS]
    told, store = [], DiskCache(planted.model, tmp_path)
    pruning = pruning_curves(
        planted, COPIES, wrong, n_steps=6, n_random=2, search=GREEDY, store=store,
        progress=lambda n_done, n: told.append((n_done, n)),
    )  # fmt: skip
    names = [curve.order for curve in pruning.curves]
    assert names == ["importance", "random 1", "random 2"]
    for curve in pruning.curves:
        assert [point.n_removed for point in curve.points] == [0, 3, 6, 9, 12, 15, 18]
        assert curve.points[0].bleu == pytest.approx(100)
        assert curve.points[-1].bleu == pytest.approx(0, abs=1)
        assert curve.points[-1].share == 1
    by_importance, *random = pruning.curves
    assert by_importance.removable_share() >= max(curve.removable_share() for curve in random)
    assert by_importance.removable_share() == 15 / 18
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1] == 7 + 5 + 5  # none and all are the same in every order
    again = pruning_curves(
        planted, COPIES, wrong, n_steps=6, n_random=2, search=GREEDY, store=store
    )
    assert again.curves == pruning.curves


def point(n_removed, bleu):
    return PruningPoint(n_removed, n_removed / 4, bleu, (bleu - 1, bleu + 1))


def test_the_removable_share_ends_at_the_first_fall():
    curve = PruningCurve("x", (point(0, 30.0), point(1, 29.0), point(2, 28.9), point(3, 30.0)))
    assert curve.removable_share() == 1 / 4
    assert curve.removable_share(loss=2) == 3 / 4
    assert PruningCurve("x", (point(0, 30.0), point(1, 5.0))).removable_share() == 0


def test_curves_are_stored_and_read_again(tmp_path):
    assert read_pruning(tmp_path) is None
    importance = {kind: np.arange(6.0).reshape(2, 3) for kind in KINDS}
    curves = (PruningCurve("importance", (point(0, 30.0), point(4, 0.0))),)
    pruning = Pruning(curves, importance, "w", "d", "i", 5, 7, GREEDY.to_json(), 1.5)
    (tmp_path / "pruning.json").write_text(write_json(pruning.to_json()))
    found = read_pruning(tmp_path)
    assert found.to_json() == pruning.to_json()
    assert found.curves == curves
    (tmp_path / "pruning.json").write_text('{"curves": [')
    with pytest.raises(ValueError, match=r"pruning\.json cannot be read .* python -m core prune"):
        read_pruning(tmp_path)


def test_a_search_that_cannot_be_is_refused_before_importance_is_measured(planted, monkeypatch):
    monkeypatch.setattr(pruning_module, "head_importance", lambda *_: pytest.fail("measured"))
    with pytest.raises(ValueError, match=r"^max_target_pieces=3000 is more than this model can"):
        pruning_curves(planted, COPIES, COPIES, search=SearchConfig(max_target_pieces=3000))


@pytest.mark.parametrize("n_steps", [0, -1])
def test_a_curve_has_points(planted, n_steps):
    with pytest.raises(
        ValueError, match=rf"^n_steps={n_steps} must be at least 1: it is the number of points"
    ):
        pruning_curves(planted, COPIES, COPIES, n_steps=n_steps)


def test_no_text_has_no_curve(planted):
    with pytest.raises(ValueError, match="at least one sentence pair"):
        pruning_curves(planted, [], COPIES)
