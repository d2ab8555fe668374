"""The self-check holds and can fail; one head's numbers make each other."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import ablating
from core.analysis.head_place import HeadPlace
from core.analysis.trace.capture import capture, trace
from core.analysis.trace.head_internals import head_internals
from core.analysis.trace.self_check import Check, self_check
from core.config import KINDS, SearchConfig, n_layers
from core.model import edit, inference, probing, transformer
from core.model.attention import KeysValues, attention_weights
from core.model.transformer import attention_of, attention_tap
from tests.core.tracing import SENTENCE, model_for, traced_by

OUTPUT = "weights × values × W^O = output"
FUTURE, PADDING = "no weight on the future", "no weight on padding"
ALONE, ROWS = "alone = in a batch", "rows sum to 1"
LOGITS = "captured logits = plain decoding"


@pytest.fixture(scope="module")
def exact(tokenizer):
    return model_for(tokenizer)


@pytest.fixture(scope="module")
def traced(exact, tokenizer):
    return traced_by(exact, tokenizer)


def failed(checks):
    return {check.name for check in checks if not check.passed}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_heads": 1},
        {"n_encoder_layers": 4, "n_decoder_layers": 1, "attention_bias": True},
        {"positions": "learned", "output_bias": True},
    ],
    ids=str,
)
def test_a_sound_model_passes(tokenizer, changes):
    for model in (model_for(tokenizer, **changes), model_for(tokenizer, **changes).float()):
        checks = self_check(model, traced_by(model, tokenizer))
        assert [check.name for check in checks] == [OUTPUT, FUTURE, PADDING, ALONE, ROWS, LOGITS]
        assert failed(checks) == set()
        assert all(check.detail for check in checks)


def test_differences_are_rounding(exact, traced):
    """Float32 is the trace's own precision; logits never leave the model's."""
    for check in self_check(exact, traced):
        assert check.largest_difference < (1e-10 if check.name == LOGITS else 1e-5), check


@pytest.mark.parametrize("text", ["enc.pos=shift:{}", "enc.pos=scale:2", "pos=off"])
def test_positions_moved_to_the_end_of_the_table_can_be_checked(tokenizer, text):
    n_source = len(tokenizer.encode(SENTENCE)) + 1
    n_positions = 2 * n_source
    model = model_for(tokenizer, max_positions=n_positions)
    ablation = Ablation.parse(text.format(n_positions - n_source))
    edits = ablating(model, [ablation])
    seen = trace(model, tokenizer, SENTENCE, prefix=[*tokenizer.encode("Haus"), 3], edits=[edits])
    with probing(model, edits):
        checks = {check.name: check for check in self_check(model, seen)}
    assert failed(checks.values()) == set()
    n_more = {"enc.pos=shift:{}": 0, "enc.pos=scale:2": 0, "pos=off": 3}[text]
    assert f"{n_more} pieces longer" in checks[PADDING].detail


@pytest.mark.parametrize(
    "text", ["cross.L1H1=0", "enc.L2H1=0.5", "dec.L1.self=skip,dec.L2.ffn=skip", "enc.L1=skip"]
)
def test_a_model_with_something_switched_off_passes(exact, tokenizer, text):
    with probing(exact, ablating(exact, [Ablation.parse(text)])):
        traced = traced_by(exact, tokenizer)
        assert failed(self_check(exact, traced)) == set()
    assert failed(self_check(exact, traced))  # as it is, it is another model


def test_a_source_that_fills_the_position_table_can_be_checked(tokenizer):
    n_source = len(tokenizer.encode(SENTENCE)) + 1
    model = model_for(tokenizer, max_positions=n_source)
    tight = SearchConfig(max_target_pieces=n_source - 1)
    assert failed(self_check(model, trace(model, tokenizer, SENTENCE, config=tight))) == set()


def test_a_source_of_one_piece_can_be_checked(exact, tokenizer):
    assert failed(self_check(exact, trace(exact, tokenizer, "a", prefix=[3]))) == set()


def with_weights(traced, kind, change):
    weights = {**traced.weights, kind: traced.weights[kind].copy()}
    change(weights[kind])
    return dataclasses.replace(traced, weights=weights)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_did_not_make_the_output_are_found(exact, traced, kind):
    def swap_two_heads(weights):
        weights[-1, [0, 1]] = weights[-1, [1, 0]]

    checks = self_check(exact, with_weights(traced, kind, swap_two_heads))
    assert failed(checks) == {OUTPUT, ALONE}
    layer = n_layers(exact.config, kind)
    assert f"in {kind} layer {layer}" in checks[0].detail


def test_weights_of_another_run_are_found(exact, traced):
    """The trace was made without the probe that shifts every row by one key."""
    name = attention_tap("cross", 1)
    with probing(exact, edit({name: lambda weights: weights.roll(1, -1)})):
        assert {OUTPUT, ALONE} <= failed(self_check(exact, traced))


def test_a_trace_made_under_probes_passes_under_them(exact, tokenizer):
    with probing(exact, edit({"decoder.*.values": lambda values: values.flip(1)})):
        traced = traced_by(exact, tokenizer)
        assert failed(self_check(exact, traced)) == set()
    assert OUTPUT in failed(self_check(exact, traced))


def test_a_look_into_the_future_is_found(exact, traced):
    def look_ahead(weights):
        weights[2, 3, 0, 1] = 1e-30

    assert failed(self_check(exact, with_weights(traced, "decoder", look_ahead))) == {FUTURE}


def test_a_look_into_the_future_where_the_trace_has_none_is_found(exact, traced, monkeypatch):
    """The trace was made step by step, where there is no future; the modules see all at once."""
    assert failed(self_check(exact, traced)) == set()
    monkeypatch.setattr(
        transformer, "causal", lambda q, k, device: torch.ones(1, 1, q, k, dtype=torch.bool)
    )
    assert FUTURE in failed(self_check(exact, traced))


@pytest.mark.parametrize("kind", ["encoder", "cross"])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_weight_on_padding_is_found_in_every_attention_that_reads_the_source(
    exact, traced, kind, layer
):
    """As little as float32 holds, on the last key of the padded sentence."""
    n_source = len(traced.source.pieces)

    def put_on_padding(weights):
        is_padded = weights.shape[0] == 2 and weights.shape[-1] > n_source
        changed = weights.clone()
        if is_padded:
            changed[0, 1, 2, -1] = 1e-30
        return changed

    with probing(exact, edit({attention_tap(kind, layer): put_on_padding})):
        assert PADDING in failed(self_check(exact, traced))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_another_sentence_of_the_batch_changes_are_found(exact, traced, kind):
    def moved_by_neighbours(weights):
        return weights.roll(1, -2) if weights.shape[0] == 2 else weights

    with probing(exact, edit({attention_tap(kind, 1): moved_by_neighbours})):
        assert ALONE in failed(self_check(exact, traced))


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_do_not_sum_to_1_are_found(exact, traced, kind):
    def lose_some(weights):
        weights[1, 2, 3] *= 0.9999

    assert ROWS in failed(self_check(exact, with_weights(traced, kind, lose_some)))


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_that_is_not_that_of_the_weights_is_found(tokenizer, kind):
    """The module multiplies by something else than the W^O that the check reads."""
    model = model_for(tokenizer)
    traced = traced_by(model, tokenizer)
    attention = attention_of(model, kind, n_layers(model.config, kind) - 1)
    attention.output_projection.register_forward_hook(lambda *of: 1.01 * of[-1])
    assert OUTPUT in failed(self_check(model, traced))


def test_not_a_number_fails(exact, traced):
    def break_one(weights):
        weights[0, 0, 0, 0] = np.nan

    checks = self_check(exact, with_weights(traced, "decoder", break_one))
    assert failed(checks) == {OUTPUT, ALONE, ROWS}
    assert "decoder layer 1" in checks[0].detail
    assert not Check("", math.nan, 1.0, "").passed


def test_a_mask_without_padding_is_found(exact, traced, monkeypatch):
    monkeypatch.setattr(
        transformer, "not_padding", lambda ids, pad_id: torch.ones_like(ids, dtype=torch.bool)[:, None, None]
    )  # fmt: skip
    assert failed(self_check(exact, traced)) == {PADDING, ALONE}


def test_a_mask_without_causality_is_found(exact, tokenizer, monkeypatch):
    for where in (transformer, inference):
        monkeypatch.setattr(
            where, "causal", lambda q, k, device: torch.ones(1, 1, q, k, dtype=torch.bool)
        )
    traced = traced_by(exact, tokenizer)
    assert {FUTURE, LOGITS} <= failed(self_check(exact, traced))


def test_operations_that_differ_from_the_modules_are_found(exact, traced, monkeypatch):
    plain = inference.Norm.__call__
    monkeypatch.setattr(inference.Norm, "__call__", lambda norm, total: 1.1 * plain(norm, total))
    assert LOGITS in failed(self_check(exact, traced))


def test_a_cache_that_forgets_is_found(exact, traced, monkeypatch):
    monkeypatch.setattr(KeysValues, "append", lambda self, new: KeysValues(
        torch.cat((self.keys, new.keys), 2), torch.cat((self.values * 0.9, new.values), 2)
    ))  # fmt: skip
    assert failed(self_check(exact, traced)) == {LOGITS}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_of_a_head_make_each_other(tokenizer, kind, bias):
    model = model_for(tokenizer, attention_bias=bias)
    traced = traced_by(model, tokenizer)
    layer, head = 1, 3
    inside = head_internals(model, traced, HeadPlace(kind, layer, head))
    n_queries, n_keys = traced.weights[kind].shape[-2:]
    assert inside.query.shape == (n_queries, 7)
    assert inside.key.shape == (n_keys, 7)
    assert inside.value.shape == (n_keys, 11)
    assert all(getattr(inside, name).dtype == np.float64 for name in ("query", "share_norms"))
    exactly = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(inside.products, inside.query @ inside.key.T, **exactly)
    np.testing.assert_allclose(inside.scores, inside.products / math.sqrt(7), **exactly)
    hidden_low = np.where(inside.visible, inside.scores, -np.inf)
    exponents = np.exp(hidden_low - hidden_low.max(-1, keepdims=True))
    np.testing.assert_allclose(
        inside.weights, exponents / exponents.sum(-1, keepdims=True), **exactly
    )
    np.testing.assert_allclose(inside.output, inside.weights @ inside.value, **exactly)
    rows = attention_of(model, kind, layer).output_projection.weight[:, 33:44].detach().numpy()
    np.testing.assert_allclose(inside.share, inside.output @ rows.T, **exactly)
    np.testing.assert_allclose(inside.share_norms[head], np.linalg.norm(inside.share, axis=-1))
    assert inside.share_norms.shape == (5, n_queries)
    np.testing.assert_allclose(inside.weights, traced.weights[kind][layer, head], atol=1e-7)


def test_visible_is_what_the_model_let_be_seen(exact, traced):
    for kind in KINDS:
        inside = head_internals(exact, traced, HeadPlace(kind, 0, 0))
        scores, visible = torch.tensor(inside.scores), torch.tensor(inside.visible)
        weights = attention_weights(scores[None, None], visible[None, None])[0, 0]
        assert_close(weights, torch.tensor(inside.weights), rtol=0, atol=1e-14)
        assert visible.all() == (kind != "decoder")


def test_the_shares_of_all_heads_are_the_sublayers_output(exact, traced):
    """Concat(head_1 .. head_h) W^O, written as a sum."""
    heads = [head_internals(exact, traced, HeadPlace("cross", 2, head)) for head in range(5)]
    total = sum(inside.share for inside in heads)
    source = torch.tensor([[piece.id for piece in traced.source.pieces]])
    consumed = torch.tensor([[piece.id for piece in traced.consumed]])
    name = attention_tap("cross", 2, "output")
    recorded = capture(exact, source, consumed, [name])[name][0]
    np.testing.assert_allclose(total, recorded.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "layer", "head", "message"),
    [
        (
            "encoder",
            2,
            0,
            r"^enc\.L3H1 is not a head of this model: encoder attention has layers 1 to 2, each with heads 1 to 5$",
        ),
        (
            "cross",
            -1,
            0,
            r"^cross\.L0H1 is not a head of this model: cross attention has layers 1 to 3",
        ),
        ("cross", 2, 5, r"^cross\.L3H6 is not a head of this model"),
    ],
)
def test_a_head_that_is_not_there_is_named(exact, traced, kind, layer, head, message):
    with pytest.raises(ValueError, match=message):
        head_internals(exact, traced, HeadPlace(kind, layer, head))
