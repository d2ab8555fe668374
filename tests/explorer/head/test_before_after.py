"""Heads outside of the Heads page: drawn whole, and in words too."""

from pathlib import Path

import pytest

from core.analysis.head_place import HeadPlace
from tests.checkpoints import SENTENCE, write_checkpoint
from tests.explorer.apart import held, traced
from tests.explorer.pages import Open, open_page
from tests.explorer.readings import assert_shown, heat_maps

__all__ = ["open_page"]


PLACE = HeadPlace("cross", 1, 2)


@pytest.mark.parametrize(
    ("name", "ablation"), [("ablate", "enc.L1=skip"), ("positions", "pos=off")]
)
def test_heads_are_drawn_whole_whatever_was_chosen_on_heads(
    open_page: Open, tmp_path: Path, name: str, ablation: str
) -> None:
    """These pages have no controls for what to leave out, so nothing is."""
    write_checkpoint(tmp_path / "tiny")
    page = open_page(
        page=name, text=SENTENCE, layer="2", head="3", positions="off", which="chosen",
        threshold="0.5", specials="0", units="words",
        **({"ablation": ablation} if name == "ablate" else {}),
    )  # fmt: skip
    traces = traced(tmp_path / "tiny"), held(tmp_path / "tiny", ablation)
    for shown, trace in zip(heat_maps(page)[-2:], traces, strict=True):
        assert_shown(shown, PLACE.of(trace.weights))


@pytest.mark.parametrize(
    ("name", "n"), [("ablate", 2), ("positions", 2), ("training", 1), ("heads", 1)]
)
def test_a_heat_map_of_a_head_has_its_strongest_links_as_a_table(
    open_page: Open, name: str, n: int
) -> None:
    chosen = {"positions": "off"} | ({"ablation": "enc.L1=skip"} if name == "ablate" else {})
    page = open_page(page=name, text=SENTENCE, **chosen)
    assert not page.exception
    tables = [table for table in page.expander if "strongest links" in table.label]
    assert len(tables) == n
    assert len({table.label for table in tables}) == n
    for table in tables:
        (frame,) = table.dataframe
        assert list(frame.value.columns)[-1] == "weight"
        weights = list(frame.value["weight"])
        assert weights == sorted(weights, reverse=True)
