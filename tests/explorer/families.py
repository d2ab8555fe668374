"""The rows of Table 3 with made-up measurements."""

import dataclasses
from pathlib import Path

import pytest

from explorer.engine.table3 import PaperAndOurs, read_family
from tests.core.tables import made_up_table


@pytest.fixture
def family(tmp_path: Path) -> PaperAndOurs:
    return dataclasses.replace(read_family(tmp_path), ours=made_up_table())
