"""All that was measured of a checkpoint and stored beside it, as the claims ask for it.

Nothing here imports torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from core.analysis.contributions.results import SourceShares, read_source_shares
from core.analysis.effects.corpus_results import CorpusEffects, read_sweep
from core.analysis.effects.pruning_results import Pruning, read_pruning
from core.analysis.learning.results import Learning, read_learning
from core.analysis.lens.results import LensScores, read_lens_scores
from core.analysis.roles.roles import Roles, read_roles
from core.evaluation.ratios import Estimate
from core.experiments.gates.results import GateResults, read_gates
from core.experiments.table3.table import TABLE, Table, read_table
from core.system.json_files import built

Read = TypeVar("Read")

Numbers = tuple[float, float, float]
READINGS = [(values, step) for values in ("weights", "norms") for step in ("produced", "consumed")]
LayerRates = Mapping[tuple[str, str], tuple[Estimate, ...]]
"""("weights" or "norms", "produced" or "consumed") -> the error rate of each layer as a whole."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured; None where nothing was, or the file cannot be used."""

    roles: Roles | None = None
    shares: SourceShares | None = None
    lens: LensScores | None = None
    pruning: Pruning | None = None
    sweep: CorpusEffects | None = None
    gates: GateResults | None = None
    scratch: GateResults | None = None
    """Gates whose shapes were also trained from scratch; of another model where this has none."""
    learning: Learning | None = None
    layers: LayerRates | None = None
    """Alignment error rates against people's alignments."""
    table: Table | None = None
    n_layers: int = 0
    """Of the encoder."""
    from_trained: bool = False
    """Whether snapshots, or shapes trained from scratch, are another model's."""
    notes: tuple[str, ...] = ()
    """A sentence for each file that cannot be used."""


def gather(
    folder: Path,
    *,
    weights_hash: str,
    alignment: Mapping[str, Any],
    n_layers: int,
    trained: Path | None = None,
    table3: Path | None = None,
) -> Evidence:
    """Read what is stored with a checkpoint.

    Args:
        weights_hash: of its weights; what was measured of others does not count.
        alignment: the entry of its metrics.json; empty if nothing was measured.
        n_layers: of its encoder.
        trained: another checkpoint's folder, whose snapshots tell how models learn, and whose shapes
            were trained from scratch, where that was not done of this one.
        table3: the folder of the variants of Table 3.
    """
    notes: list[str] = []

    def read(of: Path, reader: Callable[[Path], Read | None], *, own: bool = True) -> Read | None:
        try:
            found = reader(of)
        except ValueError as error:
            notes.append(f"{error}.")
            return None
        if own and found is not None and getattr(found, "weights_hash", None) != weights_hash:
            notes.append(
                f"{of}: a measurement ({reader.__name__}) is of other weights and left out."
            )
            return None
        return found

    other = None if trained == folder else trained
    own_learning, gates = read(folder, read_learning), read(folder, read_gates)
    learning, scratch = own_learning, gates
    if learning is None and other:
        learning = read(other, read_learning, own=False)
    if not _has_scratch(gates):
        scratch = read(other, read_gates, own=False) if other else None
    scratch = scratch if _has_scratch(scratch) else None
    return Evidence(
        roles=read(folder, read_roles),
        shares=read(folder, read_source_shares),
        lens=read(folder, read_lens_scores),
        pruning=read(folder, read_pruning),
        sweep=read(folder, read_sweep),
        gates=gates,
        scratch=scratch,
        learning=learning,
        layers=read(folder, lambda _: layer_rates(alignment), own=False),
        table=read(table3 / TABLE, _table, own=False) if table3 else None,
        n_layers=n_layers,
        from_trained=learning is not own_learning or (scratch is not None and scratch is not gates),
        notes=tuple(dict.fromkeys(notes)),
    )


def _has_scratch(gates: GateResults | None) -> bool:
    return gates is not None and any(point.scratch_bleu for point in gates.points)


def _table(file: Path) -> Table | None:
    return read_table(file) if file.is_file() else None


def layer_rates(alignment: Mapping[str, Any]) -> LayerRates | None:
    """The error rates of whole layers; None without them, or without people's alignments.

    Raises:
        ValueError: if they are no such numbers.
    """
    if "alignment_error_rate" not in alignment or "layers" not in alignment:
        return None
    layers: dict[str, dict[str, list[Numbers]]] = built(
        dict[str, dict[str, list[Numbers]]], alignment["layers"]
    )
    rates = {
        (values, step): tuple(Estimate(rate, (low, high)) for rate, low, high in cells)
        for values, of_step in layers.items()
        for step, cells in of_step.items()
    }
    return rates if set(READINGS) <= set(rates) and all(rates.values()) else None
