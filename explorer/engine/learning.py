"""What was measured of the snapshots of a training."""

from pathlib import Path

from core.analysis.learning.results import LEARNING, Learning, read_learning
from explorer.engine.measured import measured_of


def learning_of(folder: Path) -> Learning | str | None:
    """What `python -m core learning` measured; None if nothing, or what is wrong with the file."""
    return measured_of(folder, LEARNING, read_learning, "learning")
