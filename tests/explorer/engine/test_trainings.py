"""Which checkpoint's training can be played, and how long a training is to be."""

from pathlib import Path

import pytest

from core.checkpoint.listing import HistoryEntry, list_checkpoints
from explorer.engine.trainings import planned_steps, unwritten_s, with_timeline
from tests.checkpoints import write_checkpoint, write_timeline


def test_base_of_table_3_is_played_before_any_other_and_none_where_none_can(
    tmp_path: Path,
) -> None:
    for name in ("a", "b", "table3/base"):
        write_checkpoint(tmp_path / name)
    assert with_timeline(list_checkpoints(tmp_path)) is None
    for name in ("b", "table3/base"):
        folder = tmp_path / name
        write_timeline(write_checkpoint(folder), 3)
        found = with_timeline(list_checkpoints(tmp_path))
        assert found
        assert found.name == name


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ('{"training": {"n_steps": 1080}}', 1_080),
        ('{"training": {"n_steps": 0}}', None),
        ('{"training": {"n_steps": "many"}}', None),
        ('{"training": 7}', None),
        ("[]", None),
        ("{", None),
        (None, None),
    ],
)
def test_the_planned_steps_are_those_of_the_run_folder(
    tmp_path: Path, config: str | None, expected: int | None
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    entry = HistoryEntry("mine", tmp_path / "history.jsonl", is_finished=False)
    assert planned_steps(entry) == expected
    assert unwritten_s(entry) == 0.0
