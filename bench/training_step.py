"""One training step: forward, backward, optimiser. The same weights, ids and loss in three toolkits.

One thread each, in turn; source + target tokens a second, padding not counted. Ours is what
`core.training.trainer` does in a step, and every process keeps freed memory as it does; each toolkit is at
the best of float32 and bfloat16 autocast and, for transformers, of its kinds of attention, as a short
run beforehand finds it. A variant whose loss without dropout differs before the first step is not
timed.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from bench import layout
from bench.comparison import Report, Say
from bench.machine import PRODUCT_FLOPS, matmul_peak, product
from bench.workers import Act, Round, Worker, in_turn
from core.model import build
from core.system.memory import keep_freed_memory
from core.training.objective import TeacherForcing

PART = "training step"
TARGETS = {"quarter-base": 1.15, "base": 1.0}
P_DROPOUT, SMOOTHING = 0.1, 0.1
TOLERANCES = {"float32": 1e-4, "bfloat16": 2e-3}
"""Relative, between losses of the same weights."""
HOPELESS = 0.25
"""With a smaller share of float32's matmul peak, bfloat16 wins no step. Float32 is always tried: a
small step is far from one large product."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
OURS, MARIAN, TORCH = "ours", "transformers Marian", "torch.nn.Transformer"
PRODUCT = "matrix product"
REFERENCE = f"{OURS}, float32"


def batch(n_pairs: int) -> tuple[Tensor, Tensor, int]:
    """Padded source and target, `</s>` and start included, and how many tokens they really hold.

    The pairs are neighbours in length, as a trainer's batches are.
    """
    by_length = sorted(layout.pairs(8 * n_pairs, seed=4), key=lambda pair: len(pair[1]))
    chosen = by_length[4 * n_pairs : 5 * n_pairs]
    end, start = layout.END, layout.vocabulary_size() - 1
    source = layout.padded([[*source, end] for source, _ in chosen], start)
    target = layout.padded([[start, *target, end] for _, target in chosen], start)
    return source, target, sum(len(source) + len(target) + 2 for source, target in chosen)


def _ours(precision: str) -> Callable[..., Act]:
    def make(size: str, n_pairs: int) -> Act:
        model = build(layout.config(size, p_dropout=P_DROPOUT))
        model.load_state_dict(layout.ours(size).state_dict())
        source, target, _ = batch(n_pairs)
        objective = TeacherForcing(model, label_smoothing=SMOOTHING)
        n_expected = int((target[:, 1:] != model.config.pad_id).sum())
        return _stepping(objective, lambda: objective(source, target) / n_expected, precision)

    return make


def _marian(attention: str, precision: str) -> Callable[..., Act]:
    def make(size: str, n_pairs: int) -> Act:
        from bench.marian import twin

        model = twin(layout.ours(size), attention, p_dropout=P_DROPOUT)
        source, target, _ = batch(n_pairs)
        visible = (source != model.config.pad_token_id).long()

        def loss() -> Tensor:
            logits = model(
                source,
                attention_mask=visible,
                decoder_input_ids=target[:, :-1],
                use_cache=False,
            ).logits
            return _smoothed(logits, target, model.config.pad_token_id)

        return _stepping(model, loss, precision)

    return make


def _torch(precision: str) -> Callable[..., Act]:
    def make(size: str, n_pairs: int) -> Act:
        from bench.torch_transformer import Twin

        torch.backends.mha.set_fastpath_enabled(False)  # for inference; knows no autocast
        model = Twin(layout.ours(size), p_dropout=P_DROPOUT)
        source, target, _ = batch(n_pairs)
        return _stepping(
            model, lambda: _smoothed(model(source, target[:, :-1]), target, model.pad_id), precision
        )

    return make


def _product(precision: str) -> Callable[..., Act]:
    """What steps are held against; timed in the same rounds, as a clock may change in between."""

    def make(**_: object) -> Act:
        multiply = product(DTYPES[precision])

        def act() -> None:
            multiply()

        return act

    return make


def _smoothed(logits: Tensor, target: Tensor, pad_id: int) -> Tensor:
    """The mean loss as users of the peers write it."""
    return functional.cross_entropy(
        logits.float().flatten(0, 1),
        target[:, 1:].flatten(),
        ignore_index=pad_id,
        label_smoothing=SMOOTHING,
    )


def _stepping(model: nn.Module, loss: Callable[[], Tensor], precision: str) -> Act:
    """An act that takes a step, and tells the loss before the first one and a step's FLOPs."""
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5, fused=True)

    def in_precision() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return loss()

    def step() -> None:
        in_precision().backward()
        optimizer.step()
        optimizer.zero_grad()

    model.eval()
    with torch.no_grad():
        before = in_precision().item()
    model.train()
    with FlopCounterMode(display=False) as counter:
        step()
    facts = {"loss": before, "flops": counter.get_total_flops()}

    def act() -> dict[str, float]:
        step()
        return facts

    return act


MAKERS: dict[str, Callable[..., Act]] = {
    **{f"{OURS}, {precision}": _ours(precision) for precision in DTYPES},
    **{
        f"{MARIAN} {attention}, {precision}": _marian(attention, precision)
        for attention in ("eager", "sdpa")
        for precision in DTYPES
    },
    **{f"{TORCH}, {precision}": _torch(precision) for precision in DTYPES},
    **{f"{PRODUCT}, {precision}": _product(precision) for precision in DTYPES},
}


def measure(
    report: Report, say: Say, *, sizes: Sequence[str], n_rounds: int, enough_s: float
) -> None:
    """A row for each size and peer, and how a step's FLOP/s compare with a large product's."""
    peaks = {name: matmul_peak(dtype) for name, dtype in DTYPES.items()}
    report.figures["matmul peak, GFLOP/s"] = peaks
    precisions = ["float32"]
    if peaks["bfloat16"] > HOPELESS * peaks["float32"]:
        precisions.append("bfloat16")
    else:
        report.remarks.append(
            f"{PART}: this processor multiplies {peaks['float32']:.1f} GFLOP/s in float32 and "
            f"{peaks['bfloat16']:.1f} in bfloat16, so only float32 is tried"
        )
    makers = [name for name in MAKERS if _precision(name) in precisions and PRODUCT not in name]
    for size in sizes:
        n_pairs = {"base": 16, "toy": 4}.get(size, 64)
        layout.weights(size)
        say(f"{PART}: {size}, {n_pairs} pairs")
        with ExitStack() as stack:
            workers = {name: stack.enter_context(Worker(__name__, name)) for name in makers}
            facts = {name: each.make(size=size, n_pairs=n_pairs) for name, each in workers.items()}
            _drop_different(facts, workers, report, size)
            trial = in_turn(workers, n_rounds=1)
            best = _best(trial)
            products = {f"{PRODUCT}, {_precision(name)}" for name in best.values()}
            chosen = {name: workers[name] for name in best.values()}
            for name in products:
                chosen[name] = stack.enter_context(Worker(__name__, name))
                chosen[name].make()
            rounds = in_turn(chosen, n_rounds=n_rounds, enough_s=enough_s)
        ours = best.pop(OURS)
        report.compare(
            PART, f"{size}, {n_pairs} pairs", rounds, ours,
            {peer: TARGETS.get(size) for peer in best.values()}, n_tokens=batch(n_pairs)[2],
        )  # fmt: skip
        flops = facts[REFERENCE]["flops"]  # the same model; fused attention goes uncounted
        report.figures.setdefault("share of a large product's speed", {})[size] = {
            name: _share(flops, rounds[name], rounds[f"{PRODUCT}, {_precision(name)}"])
            for name in (ours, *best.values())
        }


def _precision(name: str) -> str:
    return name.rsplit(", ", 1)[1]


def _drop_different(
    facts: dict[str, dict[str, float]], workers: dict[str, Worker], report: Report, size: str
) -> None:
    reference = facts[REFERENCE]["loss"]
    for name, of_name in facts.items():
        if not math.isclose(of_name["loss"], reference, rel_tol=TOLERANCES[_precision(name)]):
            report.remarks.append(
                f"{PART}, {size}: {name} starts from a loss of {of_name['loss']:.6f}, not "
                f"{reference:.6f}, so it is not timed"
            )
            del workers[name]


def _best(trial: dict[str, list[Round]]) -> dict[str, str]:
    """Toolkit -> the fastest of its variants that were tried; ours has one at least."""
    best: dict[str, str] = {}
    for name in sorted(trial, key=lambda name: trial[name][0].wall_s):
        best.setdefault(next(kit for kit in (OURS, MARIAN, TORCH) if name.startswith(kit)), name)
    return best


def _share(flops: float, steps: list[Round], products: list[Round]) -> float:
    """What a step reaches of the product's FLOP/s in the same round and precision; the median."""
    return statistics.median(
        (flops / step.wall_s) / (PRODUCT_FLOPS / large.wall_s)
        for step, large in zip(steps, products, strict=True)
    )
