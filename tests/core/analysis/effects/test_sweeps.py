"""Sweeps: each head's effect is that of a model without it, a planted head is found, work is shared."""

import copy
import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from core.analysis.ablation import Ablation
from core.analysis.ablation import forced_pass as forced
from core.analysis.ablation.edits import ablating
from core.analysis.effects.sweeps import (
    by_head,
    every_head,
    every_layer,
    every_pair_of_heads,
    every_sublayer,
    head_effects,
    sweep,
)
from core.analysis.result_cache import DiskCache
from core.analysis.trace.capture import trace
from core.config import KINDS, SearchConfig, n_layers
from core.model import build, probing
from core.model.transformer import attention_of
from tests.core.ablations import MANY, MANY_TEXTS, random_means
from tests.core.helpers import small_config
from tests.core.planted import HEAD, KIND, LAYER, planted_model
from tests.core.tracing import SENTENCE, model_for, traced_by


@pytest.fixture(scope="module")
def exact(tokenizer):
    return model_for(tokenizer)


@pytest.fixture(scope="module")
def traced(exact, tokenizer):
    return traced_by(exact, tokenizer)


def literal_effect(model, traced, kind, layer, head):
    """A copy of the model whose W^O has zeros where the head stands; whole forced passes."""
    off = copy.deepcopy(model)
    with torch.no_grad():
        attention_of(off, kind, layer).output_projection.weight[:, head * 11 : (head + 1) * 11] = 0
    source = torch.tensor([[piece.id for piece in traced.source.pieces]])
    consumed = torch.tensor([[piece.id for piece in traced.consumed]])
    produced = torch.tensor([piece.id for piece in traced.target.pieces])

    def total(some):
        with torch.no_grad():
            rows = some(source, consumed)[0].log_softmax(-1)
        return rows[torch.arange(len(produced)), produced].sum().item()

    return total(off) - total(model)


@pytest.mark.parametrize("pieces_at_once", [1, 53, 100_000])
def test_effects_are_those_of_a_model_without_the_head(exact, traced, monkeypatch, pieces_at_once):
    """All in one batch, in chunks, and one at a time."""
    monkeypatch.setattr(forced, "PIECES_AT_ONCE", pieces_at_once)
    effects = head_effects(exact, traced)
    for kind in KINDS:
        assert effects[kind].shape == (n_layers(exact.config, kind), 5)
        for layer, head in np.ndindex(effects[kind].shape):
            literal = literal_effect(exact, traced, kind, layer, head)
            assert effects[kind][layer, head] == pytest.approx(literal, abs=1e-9)
            assert abs(literal) > 1e-6


def test_a_single_head_can_be_switched_off(tokenizer):
    model = model_for(tokenizer, n_heads=1, n_encoder_layers=1)
    effects = head_effects(model, traced_by(model, tokenizer))
    assert [effects[kind].shape for kind in KINDS] == [(1, 1), (3, 1), (3, 1)]


def test_the_lists_are_every_part_of_the_model():
    config = small_config()
    heads, layers = every_head(config), every_layer(config)
    assert len(set(heads)) == 5 * (2 + 3 + 3)
    assert list(map(str, heads))[:6] == [*(f"enc.L1H{h}=0" for h in range(1, 6)), "enc.L2H1=0"]
    assert list(map(str, layers)) == [
        "enc.L1=skip", "enc.L2=skip", "dec.L1=skip", "dec.L2=skip", "dec.L3=skip"
    ]  # fmt: skip
    assert len(set(every_sublayer(config))) == 2 * 2 + 3 * 3
    assert len(set(every_pair_of_heads(config))) == 40 * 39 // 2
    assert len(set(every_pair_of_heads(config, ["cross"]))) == 15 * 14 // 2
    for ablation in (*heads, *layers, *every_sublayer(config), *every_pair_of_heads(config)):
        ablation.check(config)


def test_the_empty_ablation_moves_nothing(exact, traced):
    swept = sweep(exact, traced, [Ablation()])
    assert swept.delta_nats == pytest.approx(0, abs=1e-10)
    assert swept.kl_nats == pytest.approx(0, abs=1e-10)


def literal_distributions(model, traced, text, means):
    """Log-probabilities of every step, the translation forced, in one plain run of the whole model."""
    source = torch.tensor([[piece.id for piece in traced.source.pieces]])
    consumed = torch.tensor([[piece.id for piece in traced.consumed]])
    edits = ablating(model, [Ablation.parse(text)], means)
    with torch.no_grad(), probing(model, edits):
        return model(source, consumed)[0].log_softmax(-1).tolist()


def test_numbers_are_those_of_a_computation_by_hand(exact, traced):
    """Δ is a sum over steps and KL a mean over steps, each in nats, in the order of the ablations."""
    means = random_means()
    before = literal_distributions(exact, traced, "", means)
    deltas, kls = [], []
    for text in MANY_TEXTS:
        after = literal_distributions(exact, traced, text, means)
        delta, kl = 0.0, 0.0
        for step, piece in enumerate(traced.target.pieces):
            delta += after[step][piece.id] - before[step][piece.id]
            for one, other in zip(before[step], after[step], strict=True):
                kl += math.exp(one) * (one - other)
        deltas.append(delta)
        kls.append(kl / len(traced.target.pieces))
    swept = sweep(exact, traced, MANY, means=means)
    assert swept.ablations == MANY
    assert swept.delta_nats.tolist() == pytest.approx(deltas, abs=1e-9)
    assert swept.kl_nats.tolist() == pytest.approx(kls, abs=1e-9)
    assert min(kls[1:]) > 1e-9
    assert len({round(kl, 9) for kl in kls}) == len(kls)  # no two could be taken for each other


def test_every_input_of_a_kept_sweep_is_in_its_key(exact, traced, tokenizer, tmp_path):
    """Each is varied alone; what is kept then is what is computed then."""
    other_means = dataclasses.replace(random_means(), data_hash="other", outputs={
        kind: 2 * of_kind for kind, of_kind in random_means().outputs.items()
    })  # fmt: skip
    translation = [*tokenizer.encode("Der alte Mann sieht ein rotes Haus."), 3]
    shorter = [*tokenizer.encode("Der Mann."), 3]
    of = {
        "as it is": (traced, MANY, random_means()),
        "another source": (trace(exact, tokenizer, "A dog.", prefix=translation), MANY, random_means()),
        "another target": (trace(exact, tokenizer, SENTENCE, prefix=shorter), MANY, random_means()),
        "other ablations": (traced, MANY[::-1], random_means()),
        "other means": (traced, MANY, other_means),
    }  # fmt: skip
    fresh, kept = [], []
    for _ in range(2):  # the second time from the store
        for some, ablations, means in of.values():
            store = DiskCache(exact, tmp_path)
            fresh.append(sweep(exact, some, ablations, means=means).delta_nats.tolist())
            kept.append(sweep(exact, some, ablations, means=means, store=store).delta_nats.tolist())
    assert kept == [pytest.approx(one, abs=1e-12) for one in fresh]
    assert len(list(tmp_path.rglob("*.npz"))) == len(of)
    assert len({tuple(one) for one in kept}) == len(of)


def test_a_planted_head_is_found(tokenizer):
    model = planted_model(len(tokenizer.names))
    text = "the old man sees a red house"
    traced = trace(model, tokenizer, text, config=SearchConfig(method="greedy"))
    assert traced.target.text == text
    heads = every_head(model.config)
    swept = sweep(model, traced, heads)
    deltas = by_head(model.config, swept.delta_nats)
    planted = deltas[KIND][LAYER, HEAD]
    deltas[KIND][LAYER, HEAD] = 0
    others = max(abs(of_kind).max() for of_kind in deltas.values())
    assert planted < -10
    assert others < abs(planted) / 100
    assert heads[swept.kl_nats.argmax()] == Ablation.parse("cross.L2H3=0")
    pairs = every_pair_of_heads(model.config, ["decoder", "cross"])
    worst = sweep(model, traced, pairs).delta_nats
    with_planted = ["cross.L2H3=0" in str(pair) for pair in pairs]
    assert worst[with_planted].max() < worst[np.logical_not(with_planted)].min()


def test_leaving_everything_out_shares_half_of_the_work(tokenizer):
    """With the bundled model's four and four layers of eight heads."""
    model = build(small_config(
        vocabulary_size=len(tokenizer.names), n_encoder_layers=4, n_decoder_layers=4, n_heads=8
    )).eval()  # fmt: skip
    traced = trace(model, tokenizer, "The man", config=SearchConfig(max_extra_pieces=2))
    swept = sweep(model, traced, every_head(model.config) + every_layer(model.config))
    assert swept.n_layers_naive == (1 + 96 + 8) * 8
    assert swept.cost_ratio == swept.n_layers_run / swept.n_layers_naive < 0.5
    assert 0 < swept.elapsed_s < 600


def test_progress_reaches_the_end_and_results_are_kept(exact, traced, tmp_path):
    ablations, told = every_layer(exact.config), []
    swept = [
        sweep(exact, traced, ablations, store=DiskCache(exact, tmp_path),
              progress=lambda n_done, n: told.append((n_done, n)))
        for _ in range(2)
    ]  # fmt: skip
    assert told[0] == (0, 5)
    assert told[-1] == (5, 5)
    assert all(a < b for a, b in itertools.pairwise(told))
    assert swept[0].to_json() == swept[1].to_json()
    assert [row["ablation"] for row in swept[0].to_json()["effects"]] == list(map(str, ablations))


def test_a_cancelled_sweep_keeps_nothing(exact, traced, tmp_path):
    class CancelledError(Exception):
        pass

    def cancel(n_done, n):
        if n_done:
            raise CancelledError

    with pytest.raises(CancelledError):
        sweep(
            exact,
            traced,
            every_layer(exact.config),
            store=DiskCache(exact, tmp_path),
            progress=cancel,
        )
    assert not list(tmp_path.rglob("*.npz"))
