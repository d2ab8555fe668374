"""Which table is the family's."""

import os
from pathlib import Path

import pytest

from core.system.files import write_json
from explorer.engine.checkpoints import CHECKPOINTS
from explorer.engine.table3 import read_family, shown_family
from tests.core.tables import made_up_table


def test_a_table_of_ones_own_is_found_below_the_root(tmp_path: Path) -> None:
    assert read_family(tmp_path).folder == tmp_path / "table3"
    read_family.clear()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "table.json").write_text(write_json(made_up_table().to_json()))
    found = read_family(tmp_path)
    assert (found.folder, found.ours) == (tmp_path / "mine", made_up_table())
    read_family.clear()
    (tmp_path / "mine" / "table.json").write_text("{}")
    with pytest.raises(ValueError, match=r"table\.json is not a table"):
        read_family(tmp_path)


def test_the_first_folder_that_has_a_table_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [tmp_path / name for name in ("mine", "bundled", "more")]
    monkeypatch.setenv(CHECKPOINTS, os.pathsep.join(map(str, roots)))
    assert shown_family().folder == roots[0] / "table3"
    for root in roots[1:]:
        (root / "table3").mkdir(parents=True)
        (root / "table3" / "table.json").write_text(write_json(made_up_table().to_json()))
    assert shown_family().folder == roots[1] / "table3"
