"""Which checkpoints there are, and what is said where there is none."""

from pathlib import Path

import pytest

from explorer.engine.checkpoints import NoCheckpointError, listed
from tests.checkpoints import write_checkpoint
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder"]


def test_no_checkpoint_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(NoCheckpointError, match=r"no checkpoint below .* Train one"):
        listed(tmp_path)


def test_a_checkpoint_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    with pytest.raises(NoCheckpointError, match=r"broken: model\.safetensors is missing"):
        listed(tmp_path)


def test_en_de_comes_first(tmp_path: Path) -> None:
    for name in ("another", "en-de", "group/third"):
        write_checkpoint(tmp_path / name)
    assert [item.name for item in listed(tmp_path)] == ["en-de", "another", "group/third"]
