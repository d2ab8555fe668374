"""Pictures of what was measured once of a checkpoint."""

import json
from pathlib import Path

import pytest

from core.analysis.effects.corpus_results import SWEEP, read_sweep
from core.analysis.effects.pruning_results import PRUNING, read_pruning
from core.analysis.effects.tables import findings
from explorer.app_pages.ablate.pictures import pruning_picture, worth_picture, worth_table
from tests.core.measurements import write_measurements
from tests.damage import damages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_measurements(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("name", [SWEEP, PRUNING])
def test_whatever_a_file_holds_is_drawn_or_refused_in_a_sentence(folder: Path, name: str) -> None:
    refused = []
    for _, damaged in damages(json.loads((folder / name).read_text())):
        (folder / name).write_text(json.dumps(damaged))
        try:
            findings(folder)
            worth_picture(read_sweep(folder))
            worth_table(read_sweep(folder))
            pruning_picture(read_pruning(folder))
        except ValueError as error:
            refused.append(str(error))
    assert all(f"{name} cannot be read (" in message for message in refused)
    assert len(refused) > 200
