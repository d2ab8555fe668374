"""Sizes in words are those of the configuration, and parts add up to the whole."""

import re

from core.experiments.table3.presets import PRESETS
from explorer.app_pages.anatomy import sizes
from explorer.engine.table3 import paper_base
from tests.core.helpers import small_config


def test_sizes_stand_beside_the_papers() -> None:
    lines = {name: (here, there) for name, here, there in sizes.sizes(small_config(), paper_base())}
    assert lines["Heads $h$"] == ("5", "8")
    assert lines["$d_k$, $d_v$"] == ("7, 11", "64, 64")
    assert lines["Layers $N$, encoder + decoder"] == ("2 + 3", "6 + 6")
    assert lines["**Parameters**"][1] == "**63,045,632**"


def test_what_the_paper_prints_is_table_3() -> None:
    assert PRESETS["base"].paper.parameters_millions == sizes.PAPER_MILLIONS


def test_the_groups_are_all_parameters() -> None:
    config = small_config(positions="learned", attention_bias=True, output_bias=True)
    lines = sizes.parameters(config, paper_base())
    for column, whole in ((1, config), (2, paper_base())):
        counts = [int(re.split(r" ", line[column])[0].replace(",", "")) for line in lines]
        assert sum(counts) == whole.n_parameters


def test_a_table_is_markdown() -> None:
    assert sizes.as_table(("", "a", "b"), [("n", "1", "2")]).splitlines() == [
        "|  | a | b |",
        "| :--- | ---: | ---: |",
        "| n | 1 | 2 |",
    ]
