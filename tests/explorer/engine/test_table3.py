"""Which table is the family's."""

from pathlib import Path

import pytest

from explorer.engine.table3 import read_family
from tests.core.tables import made_up_table


def test_a_table_of_ones_own_is_found_below_the_root(tmp_path: Path) -> None:
    from core.system.files import write_json

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
