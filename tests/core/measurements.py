"""Made up: what was measured once of a checkpoint's heads."""

from pathlib import Path

import numpy as np

from core.analysis.effects.corpus_results import SWEEP
from core.analysis.effects.pruning_results import PRUNING, Pruning, PruningCurve, PruningPoint
from core.config import KINDS
from core.system.files import write_json
from tests.core.ablations import made_up_sweep

CHANGES = {"enc": (0.1, -4.0, -0.2, 0.9, -0.6, -0.1, -1.5), "dec": (0.0, -0.3), "cross": (-9.0,)}
"""Kind -> ΔBLEU without each head of its first layer."""


SWEPT = made_up_sweep(
    {
        **{f"{kind}.L1H{h + 1}=0": c for kind, cs in CHANGES.items() for h, c in enumerate(cs)},
        "enc.L1=skip": -30.0,
    }
)


def points(*bleu: float) -> tuple[PruningPoint, ...]:
    return tuple(
        PruningPoint(5 * n, 5 * n / 10, value, (value - 1, value + 1))
        for n, value in enumerate(bleu)
    )


PRUNED = Pruning(
    (
        PruningCurve("importance", points(38.0, 37.5, 0.0)),
        PruningCurve("random 1", points(38.0, 20.0, 0.0)),
        PruningCurve("random 2", points(38.0, 21.5, 0.0)),
    ),
    {kind: np.ones((1, 1)) for kind in KINDS}, "", "", "", 900, 5, {}, 1.0,
)  # fmt: skip


def write_measurements(folder: Path) -> None:
    (folder / SWEEP).write_text(write_json(SWEPT.to_json()), "utf-8")
    (folder / PRUNING).write_text(write_json(PRUNED.to_json()), "utf-8")
