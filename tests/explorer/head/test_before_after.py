"""Heads outside of the Heads page: drawn whole, and in words too."""

import pytest

from tests.checkpoints import SENTENCE
from tests.explorer.pages import Open, charts, open_page, texts

__all__ = ["open_page"]


@pytest.mark.parametrize("name", ["ablate", "positions", "training"])
def test_heads_are_drawn_whole_whatever_was_chosen_on_heads(open_page: Open, name: str) -> None:
    """These pages have no controls for what to leave out, so nothing is."""
    chosen = {"text": SENTENCE, "positions": "off"}
    if name == "ablate":
        chosen["ablation"] = "enc.L1=skip"
    whole = open_page(page=name, **chosen)
    page = open_page(page=name, threshold="0.5", specials="0", units="words", **chosen)
    assert not page.exception
    assert charts(page) == charts(whole)
    assert "nothing" in texts(page)
    assert "left out" in texts(page)


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
        assert list(frame.value.columns) == ["step", "looks at", "weight"]
        weights = list(frame.value["weight"])
        assert weights == sorted(weights, reverse=True)
