"""The vectors of section 3.5, of the loaded model and of the paper."""

from pathlib import Path

import numpy as np

from core.checkpoint.required import model_config_of
from explorer.engine.analyses import position_table, sinusoid_table
from explorer.engine.models import is_loaded
from tests.explorer.tiny import empty_caches, folder

__all__ = ["empty_caches", "folder"]


def test_the_shape_of_a_model_is_known_without_loading_it(folder: Path) -> None:
    config = model_config_of(folder)
    assert (config.d_model, config.n_heads) == (24, 5)
    assert not is_loaded(folder)
    table = position_table(folder)
    assert table.shape == (config.max_positions, 24)
    assert np.array_equal(table[:9], sinusoid_table(9, 24))
