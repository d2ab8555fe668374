"""Sweeps: the effect on one sentence of each head, each layer, or each pair of heads.

Each is switched off in turn, and the original translation is scored again, teacher-forced.
Ablations share the layers below the first change (`core.analysis.ablation.forced_pass`), and
results are stored.
"""

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.analysis.ablation import Ablation, HeadChange, LayerSkip, SublayerSkip
from core.analysis.ablation.head_means import HeadMeans
from core.analysis.ablation.parts import STACKS, Sublayer
from core.analysis.effects.sentence import check_parts, forced_pass, moved_distributions
from core.analysis.result_cache import Arrays, DiskCache, Progress
from core.analysis.trace.trace import Trace
from core.config import KINDS, Kind, ModelConfig, n_layers
from core.model import Transformer
from core.system.pauses import pause


@dataclass(frozen=True, slots=True)
class Sweep:
    """The effect of each of many ablations on the log-probability of the original translation."""

    ablations: tuple[Ablation, ...]
    delta_nats: NDArray[np.float64]
    """Change of the translation's log-probability; negative if the part switched off had helped."""
    kl_nats: NDArray[np.float64]
    """KL(before ‖ after) of a step's distribution, mean over steps."""
    n_layers_run: int
    n_layers_naive: int
    elapsed_s: float

    @property
    def cost_ratio(self) -> float:
        """Layer evaluations, divided by those of as many whole runs that share no layer."""
        return self.n_layers_run / self.n_layers_naive

    def to_json(self) -> dict[str, Any]:
        return {
            "effects": [
                {"ablation": str(ablation), "delta_nats": delta, "kl_nats": kl}
                for ablation, delta, kl in zip(
                    self.ablations, self.delta_nats.tolist(), self.kl_nats.tolist(), strict=True
                )
            ],
            "n_layers_run": self.n_layers_run,
            "n_layers_naive": self.n_layers_naive,
            "cost_ratio": self.cost_ratio,
            "elapsed_s": self.elapsed_s,
        }


def every_head(config: ModelConfig) -> list[Ablation]:
    """Each head of each kind switched off, in the order kind, layer, head."""
    return [Ablation((part,)) for part in _heads(config)]


def every_layer(config: ModelConfig) -> list[Ablation]:
    """Each layer skipped, the encoder's first."""
    return [Ablation((LayerSkip(stack, layer),)) for stack, layer in _layers(config)]


def every_sublayer(config: ModelConfig) -> list[Ablation]:
    """Each sub-layer skipped."""
    kinds: dict[str, tuple[Sublayer, ...]] = {
        "encoder": ("self", "ffn"),
        "decoder": ("self", "cross", "ffn"),
    }
    return [
        Ablation((SublayerSkip(stack, layer, sublayer),))
        for stack, layer in _layers(config)
        for sublayer in kinds[stack]
    ]


def every_pair_of_heads(config: ModelConfig, kinds: Sequence[Kind] = KINDS) -> list[Ablation]:
    """Each pair of heads of these kinds switched off."""
    heads = [head for head in _heads(config) if head.kind in kinds]
    return [Ablation(pair) for pair in itertools.combinations(heads, 2)]


def _heads(config: ModelConfig) -> Iterator[HeadChange]:
    for kind in KINDS:
        for layer in range(n_layers(config, kind)):
            for head in range(config.n_heads):
                yield HeadChange(kind, layer, head, 0.0)


def _layers(config: ModelConfig) -> Iterator[tuple[Any, int]]:
    numbers = (config.n_encoder_layers, config.n_decoder_layers)
    for stack, n in zip(STACKS, numbers, strict=True):
        for layer in range(n):
            yield stack, layer


def sweep(
    model: Transformer,
    trace: Trace,
    ablations: Sequence[Ablation],
    *,
    means: HeadMeans | None = None,
    store: DiskCache | None = None,
    progress: Progress = lambda n_done, n: None,
) -> Sweep:
    """Score the trace's own translation under each ablation, one ablation at a time.

    For a trace made under probes, call this inside `probing(model, *edits)`, and without a store.

    Raises:
        ValueError: as `moved_distributions` does.
    """
    check_parts(model, trace, ablations)

    def make() -> Arrays:
        started_s = time.perf_counter()
        run = forced_pass(model, trace)
        delta_nats, kl_nats = np.zeros(len(ablations)), np.zeros(len(ablations))
        n_done = 0
        progress(n_done, len(ablations))
        for moved in moved_distributions(run, trace, ablations, means):
            pause()
            delta_nats[moved.indices] = moved.delta_nats.sum(1).cpu().numpy()
            kl_nats[moved.indices] = moved.kl_nats.mean(1).cpu().numpy()
            n_done += len(moved.indices)
            progress(n_done, len(ablations))
        cost = [run.n_layers_run, run.n_layers_naive(len(ablations))]
        return {
            "delta_nats": delta_nats,
            "kl_nats": kl_nats,
            "cost": np.array([*cost, time.perf_counter() - started_s]),
        }

    what = {
        "result": "sweep",
        "source": [piece.id for piece in trace.source.pieces],
        "target": [piece.id for piece in trace.target.pieces],
        "ablations": [str(ablation) for ablation in ablations],
        "means": means.data_hash if means else None,
    }
    arrays = store.kept(what, make) if store else make()
    n_run, n_naive, elapsed_s = arrays["cost"].tolist()
    return Sweep(
        tuple(ablations),
        arrays["delta_nats"],
        arrays["kl_nats"],
        int(n_run),
        int(n_naive),
        elapsed_s,
    )


def by_head(config: ModelConfig, values: NDArray[np.float64]) -> dict[Kind, NDArray[np.float64]]:
    """Arrange values in the order of `every_head` as one array per kind: N H."""
    grids: dict[Kind, NDArray[np.float64]] = {}
    for kind in KINDS:
        n = n_layers(config, kind) * config.n_heads
        grids[kind], values = values[:n].reshape(-1, config.n_heads), values[n:]
    return grids


def head_effects(model: Transformer, trace: Trace) -> dict[Kind, NDArray[np.float64]]:
    """The change of the translation's log-probability when each head alone is switched off.

    The output of one head at a time is set to zero, as Michel et al. 2019 do, and the trace's own
    translation is scored again. Changes are in nats, summed over steps; negative if the head had
    helped.

    Returns:
        Kind -> N H
    """
    swept = sweep(model, trace, every_head(model.config))
    return by_head(model.config, swept.delta_nats)
