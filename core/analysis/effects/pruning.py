"""Head importance by gradient, and BLEU as the least important heads go (Michel et al. 2019)."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.analysis.ablation import Ablation
from core.analysis.ablation.edits import head_gates
from core.analysis.ablation.parts import HeadChange
from core.analysis.effects.corpus import statistics_of_all
from core.analysis.effects.pruning_results import (
    Importance,
    Pruning,
    PruningCurve,
    PruningPoint,
    pruning_order,
)
from core.analysis.result_cache import DiskCache, Progress
from core.checkpoint.folder import Checkpoint
from core.checkpoint.text_tasks import over_batches
from core.checkpoint.weights import weights_hash
from core.config import KINDS, Kind, SearchConfig, n_layers
from core.decoding.search import check
from core.evaluation.bootstrap import corpus_score, interval_95
from core.model import Transformer, probing
from core.system.device import in_float64
from core.system.executor import WorkExecutor
from core.text.batches import PaddedBatch, TextBatch
from core.text.parallel import text_hash
from core.text.vocabulary import encode_pairs

N_RANDOM = 3


def head_importance(
    checkpoint: Checkpoint,
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    *,
    executor: WorkExecutor | None = None,
) -> dict[Kind, NDArray[np.float64]]:
    """I_h = E|∂L/∂ξ_h| (Michel et al. 2019, section 2.2): the gate ξ_h on a head's output is 1.

    L is the negative log-likelihood of a reference, in nats, summed over its tokens. Gates have a
    batch axis, so one backward pass gives the gradient of every sentence for every head.

    Args:
        sources, targets: pairs of ids, without `<s>` and `</s>`.
        executor: where it is measured; by default, in this process. The result is the same.

    Returns:
        Kind -> N H

    Raises:
        ValueError: if there are no pairs.
    """
    if not sources:
        raise ValueError("importance is a mean over sentence pairs, but the text has none")
    totals: dict[Kind, NDArray[np.float64]] = {}
    for _, batch in over_batches(_summed_gradients, checkpoint, sources, targets, executor):
        for kind, gradients in batch.items():
            totals[kind] = totals.get(kind, 0) + gradients
    return {kind: total / len(sources) for kind, total in totals.items()}


def _summed_gradients(checkpoint: Checkpoint, batch: TextBatch) -> dict[Kind, NDArray[np.float64]]:
    """|∂L/∂ξ|, summed over the sentences of a batch: kind -> N H."""
    model = checkpoint.model
    gradients = gate_gradients(model, batch.padded(model.config.ids))
    return {
        kind: in_float64(of_kind.abs()).sum(0).cpu().numpy() for kind, of_kind in gradients.items()
    }


def gate_gradients(model: Transformer, batch: PaddedBatch) -> dict[Kind, Tensor]:
    """∂L/∂ξ of every sentence, layer and head: kind -> B N H."""
    weight = next(model.parameters())
    batch = batch.to(weight.device)
    gates = {
        kind: torch.ones(
            len(batch.source), n_layers(model.config, kind), model.config.n_heads,
            dtype=weight.dtype, device=weight.device, requires_grad=True,
        )
        for kind in KINDS
    }  # fmt: skip
    with torch.enable_grad(), probing(model, head_gates(gates)):
        logits = model(batch.source, batch.target[:, :-1])
        loss_nats = functional.cross_entropy(
            logits.transpose(1, 2),
            batch.target[:, 1:],
            ignore_index=model.config.pad_id,
            reduction="sum",
        )
        gradients = torch.autograd.grad(loss_nats, list(gates.values()))
    return dict(zip(gates, gradients, strict=True))


def pruning_curves(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[str, str]],
    importance_pairs: Sequence[tuple[str, str]],
    *,
    n_steps: int = 12,
    n_random: int = N_RANDOM,
    search: SearchConfig | None = None,
    store: DiskCache | None = None,
    progress: Progress = lambda n_done, n: None,
    executor: WorkExecutor | None = None,
) -> Pruning:
    """Switch off more and more heads, of all kinds together, and measure BLEU.

    Args:
        pairs: the text on which BLEU is measured.
        importance_pairs: another text, on which importance is estimated.
        n_steps: points of a curve after the first, evenly spread up to all heads; at least 1.
        n_random: how many curves in random order to add, for comparison.
        store: stores each measured point; repeating a cancelled call continues from them.
        executor: where importance and the points are measured; by default, in this process.

    Raises:
        ValueError: if a text is empty, or there are no points.
    """
    if n_steps < 1:
        raise ValueError(
            f"n_steps={n_steps} must be at least 1: it is the number of points after the first"
        )
    if not pairs:
        raise ValueError("BLEU needs at least one sentence pair, but the text has none")
    started_s = time.perf_counter()
    search = search or SearchConfig()
    check(checkpoint.config, [], [], search)  # a mistake shows before importance is measured
    importance = head_importance(
        checkpoint,
        *encode_pairs(checkpoint.vocabulary, importance_pairs),
        executor=executor,
    )
    orders = _orders(importance, n_random)
    ablations = {name: _cumulative(order, n_steps) for name, order in orders.items()}
    distinct = list(dict.fromkeys(one for curve in ablations.values() for one in curve))
    measured = statistics_of_all(
        checkpoint, pairs, distinct, search, None, store, progress, executor
    )
    points: dict[Ablation, PruningPoint] = {}
    for ablation, statistics in zip(distinct, measured, strict=True):
        rows, n_removed, n_heads = (
            statistics["bleu"], len(ablation.parts), len(orders["importance"]),
        )  # fmt: skip
        points[ablation] = PruningPoint(
            n_removed, n_removed / n_heads, corpus_score("bleu", rows), interval_95("bleu", rows)
        )
    return Pruning(
        curves=tuple(
            PruningCurve(name, tuple(points[one] for one in curve))
            for name, curve in ablations.items()
        ),
        importance=importance,
        weights_hash=weights_hash(checkpoint.model),
        data_hash=text_hash(pairs),
        importance_data_hash=text_hash(importance_pairs),
        n_sentences=len(pairs),
        n_importance_sentences=len(importance_pairs),
        search=search.to_json(),
        elapsed_s=time.perf_counter() - started_s,
    )


def _orders(importance: Importance, n_random: int) -> dict[str, list[HeadChange]]:
    """Orders in which to switch heads off, by name."""
    by_importance = pruning_order(importance)
    orders = {"importance": by_importance}
    for seed in range(1, n_random + 1):
        shuffled = np.random.default_rng(seed).permutation(len(by_importance))
        orders[f"random {seed}"] = [by_importance[index] for index in shuffled]
    return orders


def _cumulative(order: Sequence[HeadChange], n_steps: int) -> list[Ablation]:
    """More and more of the order switched off together: none first, all last."""
    counts = sorted({round(len(order) * step / n_steps) for step in range(n_steps + 1)})
    return [Ablation(tuple(order[:count])) for count in counts]
