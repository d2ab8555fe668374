"""Ablations as edits of a running model. Each edit holds a table with one entry per example.

The model's own weights never change. A beam search re-orders and drops batch rows, so an edit
cannot find its entry by row number: it asks `core.model.taps.place` which example each row holds.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from core.analysis.ablation.head_means import HeadMeans
from core.analysis.ablation.parts import (
    HeadChange,
    LayerSkip,
    Part,
    PositionChange,
    RowOnKey,
    SublayerSkip,
)
from core.analysis.ablation.spec import Ablation
from core.config import Kind
from core.model import Edits, Transformer, edit, place
from core.model.shapes import HeadOutputs, PositionIds, Weights
from core.model.taps import Edit
from core.model.transformer import attention_tap

Gates = Float[Tensor, "#B N H"]
"""A factor for every example, layer and head of one kind: 1 changes nothing, 0 switches it off."""

_OfExample = tuple[int, Part]
_SUBLAYERS = {"self": "self_attention", "cross": "cross_attention", "ffn": "feed_forward"}


def ablating(
    model: Transformer, ablations: Sequence[Ablation], means: HeadMeans | None = None
) -> Edits:
    """The edits that run example i of a batch under ablation i; one ablation serves all examples.

    Args:
        means: the mean output of each head, for ablations that use it (`=mean`); see `read_means`.

    Raises:
        ValueError: if the model lacks a layer or head that an ablation names, or an ablation needs
            means and they are not given; when run, if a batch has more examples than there are
            ablations.
    """
    for ablation in ablations:
        ablation.check(model.config)
        if ablation.needs_means and means is None:
            raise ValueError(
                f"{ablation} needs the mean outputs of heads over a text; open the checkpoint's "
                "with core.analysis.ablation.head_means.read_means, which says how to make them if they are missing"
            )
    by_tap: dict[str, list[_OfExample]] = {}
    for example, ablation in enumerate(ablations):
        for part in ablation.parts:
            by_tap.setdefault(_tap(part), []).append((example, part))
    return edit(
        {tap: _edit_at(tap, parts, len(ablations), model, means) for tap, parts in by_tap.items()}
    )


def head_gates(gates: Mapping[Kind, Gates]) -> Edits:
    """Multiply each head's output, before W^O, by its gate; kinds without gates stay unchanged.

    The gates receive gradients. Entry b applies to example b of a batch; a single entry applies to
    all examples.
    """
    return edit(
        {
            attention_tap(kind, layer, "head_outputs"): _scaled(of_layer)
            for kind, of_kind in gates.items()
            for layer, of_layer in enumerate(of_kind.unbind(1))
        }
    )


def _tap(part: Part) -> str:
    """Where in the model a part acts."""
    match part:
        case HeadChange():
            tensor = "scores" if part.change == "uniform" else "head_outputs"
            return attention_tap(part.kind, part.layer, tensor)
        case RowOnKey():
            return attention_tap(part.kind, part.layer, "scores")
        case SublayerSkip():
            return f"{part.stack}.layers.{part.layer}.{_SUBLAYERS[part.sublayer]}.output"
        case LayerSkip():
            return f"{part.stack}.layers.{part.layer}.bypass.skipped"
        case PositionChange():
            tensor = "positions" if part.change == "off" else "position_ids"
            return f"{part.stack}.embedding.{tensor}"


def _edit_at(
    tap: str,
    parts: Sequence[_OfExample],
    n_examples: int,
    model: Transformer,
    means: HeadMeans | None,
) -> Edit:
    """One edit that applies all parts acting at the same tap."""
    named = torch.zeros(n_examples, dtype=torch.bool)
    named[[example for example, _ in parts]] = True
    match tap.rpartition(".")[2]:
        case "head_outputs":
            return _heads_changed(parts, n_examples, model, means)
        case "scores":
            return _scores_changed(parts, n_examples, model)
        case "position_ids":
            return _positions_moved(parts, n_examples)
        case "skipped":
            return lambda skipped: skipped | _of_rows(named, skipped)[:, None, None]
    return lambda stream: stream.masked_fill(_of_rows(named, stream)[:, None, None], 0.0)


def _of_rows(table: Tensor, like: Tensor) -> Tensor:
    """The table entry for the example in each batch row; a table with one entry serves all rows."""
    table = table.to(like.device)
    if len(table) == 1:
        return table
    examples = place().examples.to(like.device)
    try:
        return table.index_select(0, examples)
    except IndexError:
        raise ValueError(
            f"the batch holds example {int(examples.max()) + 1}, but edits are given for "
            f"{len(table)}; give one for each example, or one for all"
        ) from None


def _scaled(factors: Float[Tensor, "#B H"]) -> Edit:
    def edited(heads: HeadOutputs) -> HeadOutputs:
        return heads * _of_rows(factors, heads)[:, :, None, None].to(heads.dtype)

    return edited


def _heads_changed(
    parts: Sequence[_OfExample], n_examples: int, model: Transformer, means: HeadMeans | None
) -> Edit:
    """Scale each head of one attention, or replace its output by its mean over data."""
    dtype = next(model.parameters()).dtype
    factors = torch.ones(n_examples, model.config.n_heads, dtype=dtype)
    is_mean = torch.zeros(n_examples, model.config.n_heads, dtype=torch.bool)
    of_layer = torch.zeros(model.config.n_heads, model.config.d_v)
    for example, part in parts:
        assert isinstance(part, HeadChange)
        if isinstance(part.change, str):
            assert means
            of_layer = torch.from_numpy(means.outputs[part.kind][part.layer])
            is_mean[example, part.head] = True
        else:
            factors[example, part.head] = part.change
    scaled = _scaled(factors)
    if not is_mean.any():
        return scaled

    def edited(heads: HeadOutputs) -> HeadOutputs:
        replaced = _of_rows(is_mean, heads)[:, :, None, None]
        return torch.where(replaced, of_layer.to(heads)[:, None], scaled(heads))

    return edited


def _scores_changed(parts: Sequence[_OfExample], n_examples: int, model: Transformer) -> Edit:
    """Change scores before the mask is applied, so that hidden keys keep a weight of zero."""
    is_uniform = torch.zeros(n_examples, model.config.n_heads, dtype=torch.bool)
    one_key: list[tuple[Tensor, RowOnKey]] = []
    for example, part in parts:
        if isinstance(part, RowOnKey):
            chosen = torch.zeros(n_examples, dtype=torch.bool)
            chosen[example] = True
            one_key.append((chosen, part))
        elif isinstance(part, HeadChange):
            is_uniform[example, part.head] = True

    def edited(scores: Weights) -> Weights:
        scores = scores.masked_fill(_of_rows(is_uniform, scores)[:, :, None, None], 0.0)
        n_queries, n_keys = scores.shape[-2:]
        for chosen, part in one_key:
            row = part.row - place().first
            if 0 <= row < n_queries and part.key < n_keys:
                one = scores[:, part.head, row, part.key]
                highest = torch.finfo(scores.dtype).max
                scores[:, part.head, row, part.key] = one.masked_fill(
                    _of_rows(chosen, scores), highest
                )
        return scores

    return edited


def _positions_moved(parts: Sequence[_OfExample], n_examples: int) -> Edit:
    factors = torch.ones(n_examples, dtype=torch.float64)
    shifts = torch.zeros(n_examples, dtype=torch.int64)
    for example, part in parts:
        assert isinstance(part, PositionChange)
        if part.change == "scale":
            factors[example] = part.amount
        else:
            shifts[example] = int(part.amount)

    def edited(indices: PositionIds) -> PositionIds:
        """On the CPU: not every device has float64."""
        before = indices.cpu()
        scaled = before * _of_rows(factors, before)[:, None]
        moved = scaled.floor().to(before.dtype) + _of_rows(shifts, before)[:, None]
        return moved.to(indices.device)

    return edited
