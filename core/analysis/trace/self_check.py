"""The self-check: did the model compute this translation with the weights on screen?

The checks run the model again on the tokens of a `Trace`. For a trace made under probes, run them
inside `probing(model, *edits)`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from core.analysis.trace.capture import capture, ids_of, weights_of
from core.analysis.trace.trace import Trace
from core.config import KINDS, n_layers
from core.model import Recording, Transformer
from core.model.shapes import SourceIds, TargetIds
from core.model.transformer import attention_of, attention_tap

Numbers = NDArray[np.floating[Any]]

STEPS_ONE_BY_ONE = 4
"""So many steps, the last ones, are decoded singly; all of them would take as long as the search."""


@dataclass(frozen=True, slots=True)
class Check:
    """One claim that must hold, and the largest deviation from it."""

    name: str
    largest_difference: float
    tolerance: float
    detail: str

    @property
    def passed(self) -> bool:
        return self.largest_difference <= self.tolerance  # not so for NaN


@torch.inference_mode()
def self_check(model: Transformer, trace: Trace) -> tuple[Check, ...]:
    """Check that this model computes its output with the weights of the trace.

    Tolerances are for float32; a difference that must be exactly zero has tolerance 0.

    Returns:
        Six checks: weights × values × W^O give the recorded output of every attention; no query
        attends to the future; no query attends to padding; weights are the same alone and in a
        batch; the weights of a query sum to 1; the captured logits (the modules with all taps)
        equal those of plain decoding (`core.model.inference`, the last steps one by one).
    """
    source, consumed = ids_of(model, trace)
    seen = capture(model, source, consumed, ["*.weights", "*.values", "*_attention.output",
                                             _last_stream(model)])  # fmt: skip
    return (
        _weights_make_the_output(model, trace, seen),
        _nothing_sees_the_future(trace.weights["decoder"], weights_of(model, seen)["decoder"]),
        *_padding_changes_nothing(model, trace),
        _rows_sum_to_1(trace),
        _captured_logits_are_decodings(model, seen, source, consumed),
    )


def _last_stream(model: Transformer) -> str:
    return f"decoder.layers.{model.config.n_decoder_layers - 1}.output"


def _weights_make_the_output(model: Transformer, trace: Trace, seen: Recording) -> Check:
    differences = {}
    for kind in KINDS:
        for layer in range(n_layers(model.config, kind)):
            attention = attention_of(model, kind, layer)
            values = seen[attention_tap(kind, layer, "values")]
            weights = torch.from_numpy(trace.weights[kind][layer].copy()).to(values)
            heads = attention.head_outputs(weights @ values)  # as probes change them
            made = attention.shares(heads).sum(1)
            if attention.output_projection.bias is not None:
                made = made + attention.output_projection.bias
            made = attention.output(made)
            output = seen[attention_tap(kind, layer, "output")]
            differences[kind, layer] = _largest((made - output).cpu().numpy())
    places = list(differences)
    kind, layer = places[int(np.argmax(list(differences.values())))]  # NaN is the largest
    return Check(
        "weights × values × W^O = output",
        differences[kind, layer],
        1e-4,
        f"{len(places)} attentions; the largest difference is in {kind} layer {layer + 1}",
    )


def _nothing_sees_the_future(traced: Numbers, forced: Numbers) -> Check:
    """Of decoder self-attention: in the trace, and in one pass over all positions, where it could."""
    future = np.triu(np.ones(traced.shape[-2:], bool), 1)
    return Check(
        "no weight on the future",
        _largest(traced[..., future], forced[..., future]),
        0.0,
        f"{traced[..., future].size} weights of decoder self-attention above the diagonal",
    )


def _padding_changes_nothing(model: Transformer, trace: Trace) -> tuple[Check, Check]:
    """The sentence once more, in a batch, as the shorter of two sources."""
    source, consumed = ids_of(model, trace)
    n_source = source.shape[1]
    n_extra = _n_more_positions(model, n_source)
    longer = torch.cat((source, source[:, :1].expand(1, n_extra)), dim=1)
    padded = functional.pad(source, (0, n_extra), value=model.config.pad_id)
    both = torch.cat((padded, longer))
    seen = capture(model, both, consumed.expand(2, -1), ["*.weights"])
    weights = weights_of(model, seen)
    on_padding = _largest(
        weights["encoder"][..., :n_source, n_source:], weights["cross"][..., n_source:]
    )
    alone = {
        "encoder": weights["encoder"][..., :n_source, :n_source],
        "decoder": weights["decoder"],
        "cross": weights["cross"][..., :n_source],
    }
    change = _largest(*(alone[kind] - trace.weights[kind] for kind in KINDS))
    detail = f"in a batch beside a source that is {n_extra} pieces longer"
    return (
        Check("no weight on padding", on_padding, 0.0, detail),
        Check("alone = in a batch", change, 1e-4, f"every weight, {detail}"),
    )


def _n_more_positions(model: Transformer, n_source: int) -> int:
    """How many source pieces more, 3 at most, find a row in the position table, moved ones too."""
    device = model.embedding.weight.device
    more = torch.arange(n_source, n_source + 3, device=device)[None]
    moved = model.encoder.embedding.position_ids(more)
    return int((moved < model.config.max_positions).sum())


def _rows_sum_to_1(trace: Trace) -> Check:
    excess = [trace.weights[kind].sum(-1, dtype=np.float64) - 1.0 for kind in KINDS]
    return Check(
        "rows sum to 1",
        _largest(*excess),
        1e-5,
        f"{sum(of_kind.size for of_kind in excess)} rows of three kinds",
    )


def _captured_logits_are_decodings(
    model: Transformer, seen: Recording, source: SourceIds, consumed: TargetIds
) -> Check:
    """The modules in one forced pass, against `core.model.inference` with its cache.

    The cache is filled by one pass; the last steps then read it one by one, as a search does.
    """
    captured = model.logits(seen[_last_stream(model)])[0]
    state = model.start(model.encode(source))
    n_single = min(STEPS_ONE_BY_ONE, consumed.shape[1])
    rows = []
    for tokens in torch.split(consumed, [consumed.shape[1] - n_single, *[1] * n_single], dim=1):
        if tokens.shape[1]:
            decoded = model.decode(tokens, state)
            rows.append(model.logits(decoded.stream)[0])
            state = decoded.state
    return Check(
        "captured logits = plain decoding",
        _largest((captured - torch.cat(rows)).cpu().numpy()),
        1e-3,
        f"{len(captured)} steps × {captured.shape[-1]} logits; the last {n_single} steps one by one",
    )


def _largest(*differences: Numbers) -> float:
    """The largest absolute value, 0 of none; NaN if there is one."""
    return float(np.max([abs(difference).max(initial=0.0) for difference in differences]))
