"""Published findings, put to the test with what was measured of a model."""

from pathlib import Path

from core.checkpoint.listing import files_below
from core.checkpoint.required import model_config_of
from core.experiments.claims.claims import Outcome, outcomes
from core.experiments.claims.evidence import gather
from core.experiments.table3.table import TABLE
from explorer.engine.checkpoints import checkpoint_roots, every_checkpoint, metrics
from explorer.engine.folder_version import folder_version
from explorer.engine.measured import hash_of
from explorer.engine.trainings import with_timeline

TABLE3 = "table3"


def claims_of(folder: Path) -> tuple[list[Outcome], tuple[str, ...], Path | None]:
    """The outcomes, notes on files that cannot be used, and the other model of which some are, if any.

    Loads the model: what was measured of other weights does not count.
    """
    other = with_timeline(every_checkpoint())
    trained = other.folder if other else None
    table3 = next(
        (
            file.parent
            for root in checkpoint_roots()
            for file in files_below(root, f"{TABLE3}/{TABLE}")
        ),
        None,
    )
    evidence = gather(
        folder,
        weights_hash=hash_of(folder_version(folder)),
        alignment=metrics(folder).get("alignment") or {},
        n_layers=model_config_of(folder).n_encoder_layers,
        trained=trained,
        table3=table3,
    )
    return outcomes(evidence), evidence.notes, trained if evidence.from_trained else None
